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
};

/// From sysfs; devices are not opened. `sysfs` is for tests.
std::vector<LocalDevice> list_usb_devices(const std::string& sysfs = "/sys/bus/usb/devices",
                                          const std::string& nodes = "/dev/bus/usb");

/// A device that the table knows as a U-Key, or that has a smart-card interface.
bool may_be_key(const UsbDevice& device);

/// PCSCLITE_CSOCK_NAME, else the socket that pcscd has in Debian.
std::string pcscd_socket();

/// Whether a stream socket can be connected to: nothing when it can, else the reason.
std::optional<std::string> connection_refusal(const std::string& socket_path);

} // namespace ukey::ctl
