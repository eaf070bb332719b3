// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tools/diagnosis/layers.hpp"
#include "tools/json_view.hpp"

namespace ukey::ctl {
namespace {

bool is_wanted(const Target& target, const std::string& wanted) {
    return wanted.empty() || target.name.starts_with(wanted) || raw_text(target.key, "serial") == wanted ||
           raw_text(target.device, "port") == wanted || (target.local && target.local->device.port == wanted);
}

std::optional<LocalDevice> local_at(const std::vector<LocalDevice>& all, const std::string& port) {
    const auto found =
        std::ranges::find(all, port, [](const LocalDevice& local) { return local.device.port; });
    return found != all.end() ? std::optional(*found) : std::nullopt;
}

/// The daemon's devices that are, or should be, a key.
bool concerns_keys(const boost::json::object& device) {
    return !raw_text(device, "key").empty() || raw_text(device, "role") == "ukey" ||
           !list_of(device, "findings").empty();
}

boost::json::object device_of(const boost::json::object& status, const boost::json::object& key) {
    for (const boost::json::value& device : list_of(object_of(status, "usb"), "devices")) {
        if (raw_text(as_object(device), "key") == raw_text(key, "key")) {
            return as_object(device);
        }
    }
    return {};
}

std::vector<Target> known_to_daemon(const boost::json::object& status,
                                    const std::vector<LocalDevice>& local) {
    std::vector<Target> targets;
    for (const boost::json::value& value : list_of(status, "keys")) {
        const boost::json::object& key = as_object(value);
        Target target{raw_text(key, "key"), key, device_of(status, key), std::nullopt};
        target.local = local_at(local, raw_text(target.device, "port"));
        targets.push_back(std::move(target));
    }
    for (const boost::json::value& value : list_of(object_of(status, "usb"), "devices")) {
        const boost::json::object& device = as_object(value);
        if (concerns_keys(device) && raw_text(device, "key").empty()) {
            const std::string port = raw_text(device, "port");
            targets.push_back({port, {}, device, local_at(local, port)});
        }
    }
    return targets;
}

} // namespace

std::vector<Target> find_targets(const Outcome<boost::json::object>& status,
                                 const std::vector<LocalDevice>& local, const std::string& wanted) {
    std::vector<Target> targets;
    if (status) {
        targets = known_to_daemon(*status, local);
    }
    for (const LocalDevice& device : local) {
        const bool known = std::ranges::any_of(targets, [&](const Target& target) {
            return target.local && target.local->device.port == device.device.port;
        });
        if (!known && (may_be_key(device.device) || device.device.port == wanted)) {
            targets.push_back({device.device.port, {}, {}, device});
        }
    }
    std::erase_if(targets, [&](const Target& target) { return !is_wanted(target, wanted); });
    return targets;
}

} // namespace ukey::ctl
