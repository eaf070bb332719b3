// SPDX-License-Identifier: Apache-2.0
// What the USB bus tells of a device, read from its descriptors and sysfs; the device is never opened.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ukey {

struct UsbDevice {
    std::uint8_t bus = 0;
    std::uint8_t address = 0;
    std::string port; ///< sysfs name, "1-2.3"
    std::uint16_t vendor_id = 0;
    std::uint16_t product_id = 0;
    std::string manufacturer;
    std::string product;
    std::string serial; ///< may be absent, or the same on every unit
    std::vector<std::uint8_t> interface_classes;

    bool operator==(const UsbDevice&) const = default;
};

constexpr std::uint8_t usb_class_smart_card = 0x0b; ///< CCID
constexpr std::uint8_t usb_class_hid = 0x03;
constexpr std::uint8_t usb_class_mass_storage = 0x08;

} // namespace ukey
