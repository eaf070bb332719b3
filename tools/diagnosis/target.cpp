// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/target.hpp"

#include <algorithm>

#include <fmt/format.h>

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
        // A reader by itself is nobody's key, as long as the service says what is in it.
        const bool of_interest = may_be_key(device.device) || (!status && is_card_reader(device.device));
        if (!known && (of_interest || device.device.port == wanted)) {
            targets.push_back({device.device.port, {}, {}, device});
        }
    }
    std::erase_if(targets, [&](const Target& target) { return !is_wanted(target, wanted); });
    return targets;
}

const KnownDevice* known_device(const Target& target) {
    return target.local
               ? DeviceTable::built_in().find(target.local->device.vendor_id, target.local->device.product_id)
               : nullptr;
}

std::string device_name(const Target& target) {
    if (const KnownDevice* known = known_device(target)) {
        return known->vendor + " " + known->product;
    }
    if (!target.device.empty()) {
        return text_of(target.device, "vendor") + " " + text_of(target.device, "product");
    }
    return target.local ? target.local->device.manufacturer + " " + target.local->device.product : "";
}

std::string middleware(const Target& target) {
    std::string named = text_of(target.device, "middleware");
    if (!named.empty()) {
        return named;
    }
    const KnownDevice* known = known_device(target);
    return known != nullptr ? known->middleware : "";
}

std::string port_of(const Target& target) {
    return target.local ? target.local->device.port : text_of(target.device, "port");
}

bool has_interface(const Target& target, std::uint8_t interface_class) {
    if (target.local) {
        return std::ranges::count(target.local->device.interface_classes, interface_class) != 0;
    }
    const std::string hexadecimal = fmt::format("{:02x}", interface_class);
    return std::ranges::any_of(list_of(target.device, "interface_classes"),
                               [&](const boost::json::value& value) {
                                   return value.is_string() && value.get_string() == hexadecimal;
                               });
}

std::string interface_words(const Target& target) {
    if (!target.local) {
        return joined_texts(target.device, "interface_classes", ", ");
    }
    std::string text;
    for (std::size_t i = 0; i < target.local->device.interface_classes.size(); ++i) {
        text += fmt::format("{}{:02x} ({})", i == 0 ? "" : ", ", target.local->device.interface_classes[i],
                            target.local->drivers.at(i));
    }
    return text;
}

boost::json::object finding_like(const Target& target, std::string_view prefix) {
    for (const boost::json::object* holder : {&target.key, &target.device}) {
        for (const boost::json::value& finding : list_of(*holder, "findings")) {
            if (raw_text(as_object(finding), "code").starts_with(prefix)) {
                return as_object(finding);
            }
        }
    }
    return {};
}

} // namespace ukey::ctl
