// SPDX-License-Identifier: Apache-2.0
// What can be seen of this computer without the daemon and without touching a key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/usb_device.hpp"

namespace ukey::ctl {

struct LocalDevice {
    UsbDevice device;
    std::vector<std::string> drivers; ///< of its interfaces; "-" where none is bound
    std::string node;                 ///< /dev/bus/usb/001/004
    bool node_exists = false;
    bool node_usable = false;         ///< this process may read and write it
    bool node_world_writable = false; ///< everybody may
    std::string speed;                ///< Mbit/s; empty: not known
    bool authorized = true;           ///< false: kept from being used (authorized_default, USBGuard)
    bool configured = true;           ///< false: for want of power, or because it did not answer
    bool suspended = false;           ///< now; it wakes up when it is used
    bool is_input = false;            ///< a keyboard or mouse: HID's boot protocol
    unsigned over_currents = 0;       ///< of its port, since the computer started

    bool is_root_hub() const { return device.port.starts_with("usb"); }
    bool is_behind_hub() const { return device.port.find('.') != std::string::npos; }
};

/// From sysfs; devices are not opened. `sysfs` is for tests.
std::vector<LocalDevice> list_usb_devices(const std::string& sysfs = "/sys/bus/usb/devices",
                                          const std::string& nodes = "/dev/bus/usb");

/// As its firmware says (DMI): what is plugged in is seen only once it is handed to it.
bool is_virtual_machine(const std::string& dmi = "/sys/class/dmi/id");

/// A device that the table knows as a U-Key, or that has a smart-card interface.
bool may_be_key(const UsbDevice& device);
/// A reader for cards by the table: a key may be in it, or none.
bool is_card_reader(const UsbDevice& device);
/// A device that nobody knows, and that is of a class of which U-Keys are: HID, storage or a vendor's own.
bool may_be_unknown_key(const LocalDevice& local);

/// Programs that have this device open, by their names; without root only one's own are seen.
std::vector<std::string> holders_of(const std::string& node);

/// Whether a stream socket can be connected to: nothing when it can, else the reason.
std::optional<std::string> connection_refusal(const std::string& socket_path);

} // namespace ukey::ctl
