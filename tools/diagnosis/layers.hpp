// SPDX-License-Identifier: Apache-2.0
// The layers between a USB port and a binding, each checked on its own; the first that fails is the one to
// see to. No PIN is ever used, and no key is touched: everything comes from the daemon's status and from
// sysfs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/diagnosis/check.hpp"
#include "tools/diagnosis/computer.hpp"
#include "tools/diagnosis/doctor.hpp"

namespace ukey::ctl {

/// One key, or one device that should be one. Each part may be missing, not all of them.
struct Target {
    std::string name;           ///< the key's id, else the port
    boost::json::object key;    ///< Key of the status; empty: no token was seen
    boost::json::object device; ///< Device of the status; empty: the daemon knows none
    std::optional<LocalDevice> local;
};

/// Everything to diagnose; `wanted` (key id or its beginning, serial number, port) picks from it, empty picks
/// all.
std::vector<Target> find_targets(const Outcome<boost::json::object>& status,
                                 const std::vector<LocalDevice>& local, const std::string& wanted);

/// The layers from bottom to top. An empty target stands for a key that nothing sees.
std::vector<Check> diagnose_target(const Target& target, const ComputerView& view);

} // namespace ukey::ctl
