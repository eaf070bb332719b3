// SPDX-License-Identifier: Apache-2.0
// The table of known U-Keys and what is plugged in beside them (udev/usb_keys.csv): device facts are data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/result.hpp"

namespace ukey {

struct KnownDevice {
    std::uint16_t vendor_id = 0;
    std::uint16_t product_id = 0;
    std::string vendor;
    std::string product;
    std::string transport; ///< ccid, hid, mass_storage, vendor, unknown
    std::string role;      ///< ukey, reader, fido, bank, dongle
    std::string middleware;
    bool certain = true;
};

class DeviceTable {
  public:
    /// Reads the CSV text; error `registry.bad_cell` style with "usb_keys.csv:line".
    static Result<DeviceTable> parse(std::string_view csv_text);
    /// The table that was built in.
    static const DeviceTable& built_in();

    /// nullptr when the device is not known.
    const KnownDevice* find(std::uint16_t vendor_id, std::uint16_t product_id) const;
    const std::vector<KnownDevice>& devices() const { return devices_; }

  private:
    std::vector<KnownDevice> devices_;
};

} // namespace ukey
