// SPDX-License-Identifier: Apache-2.0
// What the kernel says of USB ports: devices that do not answer, that come and go, that take too much
// current.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace ukey::ctl {

/// Older messages say nothing of a key that is tried now.
constexpr std::chrono::minutes kernel_log_window{10};

/// Of one port, within the window.
struct PortTrouble {
    unsigned errors = 0;      ///< descriptors that could not be read, addresses that were not accepted …
    unsigned resets = 0;      ///< of a device that was there
    unsigned disconnects = 0; ///< so often at most within a minute the device went away
    unsigned over_currents = 0;
    bool no_power = false;  ///< its hub has not the power that the device wants
    std::string last_error; ///< the kernel's words

    bool operator==(const PortTrouble&) const = default;
};

struct KernelLog {
    bool readable = false;
    std::string reason;                       ///< why not
    std::map<std::string, PortTrouble> ports; ///< by the port's name, "1-2.3"
};

/// Reads /dev/kmsg to its present end, without waiting. By default Debian lets root alone do so.
KernelLog read_kernel_log(const std::string& path = "/dev/kmsg");

/// The same from the records' text (Documentation/ABI/testing/dev-kmsg of Linux); `now` since the start of
/// the computer.
std::map<std::string, PortTrouble> parse_kernel_log(std::string_view text, std::chrono::microseconds now);

} // namespace ukey::ctl
