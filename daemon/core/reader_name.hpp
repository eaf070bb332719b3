// SPDX-License-Identifier: Apache-2.0
// Which reader belongs to which device: all that is known of it is their names.
#pragma once

#include <string_view>

#include "daemon/core/device_table.hpp"
#include "daemon/core/usb_device.hpp"

namespace ukey {

/// A reader's name, as PC/SC and PKCS#11 have it, carries the product's name: as the device says it, or as
/// the table does (`known` may be null). Two devices of one product have readers that cannot be told apart.
bool is_reader_of(const UsbDevice& device, const KnownDevice* known, std::string_view reader_name);

} // namespace ukey
