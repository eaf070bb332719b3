// SPDX-License-Identifier: Apache-2.0
// What a diagnosis is of: a key that the service knows, a device on the bus, or both.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/device_table.hpp"
#include "tools/diagnosis/computer.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

/// One key, or one device that should be one. Each part may be missing, not all of them.
struct Target {
    std::string name;           ///< the key's id, else the port
    boost::json::object key;    ///< Key of the status; empty: no token was seen
    boost::json::object device; ///< Device of the status; empty: the daemon knows none
    std::optional<LocalDevice> local;

    bool has_token() const { return !key.empty(); }
    bool has_device() const { return !device.empty() || local.has_value(); }
};

/// Everything to diagnose; `wanted` (key id or its beginning, serial number, port) picks from it, empty picks
/// all.
std::vector<Target> find_targets(const Outcome<boost::json::object>& status,
                                 const std::vector<LocalDevice>& local, const std::string& wanted);

/// Of the table; null: it is not in it.
const KnownDevice* known_device(const Target& target);
std::string device_name(const Target& target);
/// The module or library that the device needs; empty: not known.
std::string middleware(const Target& target);
std::string port_of(const Target& target);
bool has_interface(const Target& target, std::uint8_t interface_class);
/// "0b (usbfs), 03 (-)"; drivers only where this computer was looked at.
std::string interface_words(const Target& target);

/// The first finding whose code begins so, in the token's or in the device's list; empty: none.
boost::json::object finding_like(const Target& target, std::string_view prefix);

} // namespace ukey::ctl
