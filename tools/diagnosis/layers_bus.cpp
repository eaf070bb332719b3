// SPDX-License-Identifier: Apache-2.0
// The outer layers: the port, the device's node, and who drives its interfaces.
#include <algorithm>

#include "daemon/core/device_table.hpp"
#include "tools/diagnosis/layers.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

using enum CheckState;

/// So often within a minute no person pulls a key and plugs it in again.
constexpr unsigned unsteady_disconnects = 4;
/// The kernel tries more than once; a single error is a key that was plugged in slowly.
constexpr unsigned telling_errors = 2;

const PortTrouble* trouble_at(const ComputerView& view, const std::string& port) {
    const auto found = view.kernel_log.ports.find(port);
    return found != view.kernel_log.ports.end() ? &found->second : nullptr;
}

void fail_port(Check& check, std::string_view code, const std::string& port, Places more = {}) {
    more.emplace("port", port);
    check.fail(finding_json({std::string(code), port, std::move(more)}));
}

bool fails_as_unsteady(Check& check, const std::string& port, const PortTrouble& trouble) {
    if (trouble.disconnects < unsteady_disconnects) {
        return false;
    }
    fail_port(check, "usb.unsteady", port, {{"count", std::to_string(trouble.disconnects)}});
    return true;
}

/// What the kernel says of a port; false when it says nothing that would explain anything.
bool fails_by_trouble(Check& check, const std::string& port, const PortTrouble& trouble) {
    if (trouble.over_currents > 0) {
        fail_port(check, "usb.over_current", port);
    } else if (trouble.no_power) {
        fail_port(check, "usb.no_power", port);
    } else if (fails_as_unsteady(check, port, trouble)) {
        return true;
    } else if (trouble.errors >= telling_errors) {
        fail_port(check, "usb.port_errors", port,
                  {{"count", std::to_string(trouble.errors)}, {"reason", trouble.last_error}});
    } else {
        return false;
    }
    return true;
}

/// A key that nothing sees may still have been heard of: at a port where there is no device now.
void check_empty_bus(Check& check, const ComputerView& view) {
    if (std::ranges::none_of(view.devices, &LocalDevice::is_root_hub)) {
        check.fail(finding_json({"usb.no_controller", "usb", {}}));
        return;
    }
    for (const auto& [port, trouble] : view.kernel_log.ports) {
        const bool taken = std::ranges::any_of(
            view.devices, [&](const LocalDevice& local) { return local.device.port == port; });
        if (!taken && fails_by_trouble(check, port, trouble)) {
            return;
        }
    }
    // It may be a key of a kind that nobody has told us of.
    const auto unknown_key = std::ranges::find_if(view.devices, may_be_unknown_key);
    if (unknown_key != view.devices.end()) {
        const Target target{.name = {}, .key = {}, .device = {}, .local = *unknown_key};
        fail_port(check, "usb.unknown_device", port_of(target),
                  {{"device", device_name(target)}, {"interfaces", interface_words(target)}});
        return;
    }
    check.fail(finding_json({"usb.no_device", "usb", {}}));
}

void check_device_at_port(Check& check, const Target& target, const ComputerView& view) {
    const std::string port = port_of(target);
    const PortTrouble* trouble = trouble_at(view, port);
    if (target.local && !target.local->authorized) {
        fail_port(check, "usb.not_authorized", port);
        return;
    }
    if (!target.local && std::ranges::any_of(view.devices, &LocalDevice::is_root_hub)) {
        check.set(unknown, N_("the service has it at port {port}, and the bus has not"), {{"port", port}});
        return;
    }
    // Errors say nothing of what works now; one that comes and goes is not in order when it has just come.
    if (trouble != nullptr && (target.has_token() ? fails_as_unsteady(check, port, *trouble)
                                                  : fails_by_trouble(check, port, *trouble))) {
        return;
    }
    if (target.local && !target.local->configured) {
        fail_port(check, "usb.port_errors", port, {{"count", "1"}, {"reason", "it has no configuration"}});
        return;
    }
    Places places{{"device", device_name(target)}, {"port", port}};
    if (!target.local || target.local->speed.empty()) {
        check.set(ok, N_("{device} at port {port}"), std::move(places));
        return;
    }
    places.emplace("speed", target.local->speed);
    check.set(ok,
              target.local->is_behind_hub() ? N_("{device} at port {port}, behind a hub, {speed} Mbit/s")
                                            : N_("{device} at port {port}, {speed} Mbit/s"),
              std::move(places));
}

/// A driver that pcscd and vendor libraries cannot share the device with: they come through "usbfs".
std::string foreign_driver(const LocalDevice& local) {
    for (std::size_t i = 0; i < local.drivers.size(); ++i) {
        const bool smart_card = local.device.interface_classes.at(i) == usb_class_smart_card;
        if (smart_card && local.drivers[i] != "-" && local.drivers[i] != "usbfs") {
            return local.drivers[i];
        }
    }
    return {};
}

/// A virtual machine comes through usbfs as well: then a program that is not pcscd has the device open.
std::string foreign_holder(const LocalDevice& local) {
    if (std::ranges::find(local.drivers, "usbfs") == local.drivers.end()) {
        return {};
    }
    const std::vector<std::string> holders = holders_of(local.node);
    const bool held_by_pcscd = std::ranges::find(holders, "pcscd") != holders.end();
    return holders.empty() || held_by_pcscd ? std::string() : holders.front();
}

/// A device of which the table says that it is something else, or that nobody knows.
bool fails_as_other_device(Check& check, const Target& target) {
    if (target.has_token() || !target.local || may_be_key(target.local->device) ||
        is_card_reader(target.local->device)) { // the key may be a card in it
        return false;
    }
    const KnownDevice* known = known_device(target);
    check.fail(finding_json({known != nullptr ? "usb.other_device" : "usb.unknown_device",
                             target.name,
                             {{"device", device_name(target)},
                              {"port", port_of(target)},
                              {"interfaces", interface_words(target)}}}));
    return true;
}

bool fails_as_storage(Check& check, const Target& target) {
    const bool storage_only = has_interface(target, usb_class_mass_storage) &&
                              !has_interface(target, usb_class_smart_card) &&
                              !has_interface(target, usb_class_hid);
    if (!storage_only || target.has_token()) {
        return false;
    }
    check.fail(finding_json({"usb.no_driver",
                             target.name,
                             {{"device", device_name(target)},
                              {"interfaces", interface_words(target)},
                              {"middleware", middleware(target)}}}));
    return true;
}

bool fails_as_claimed(Check& check, const Target& target) {
    if (!target.local || target.has_token()) {
        return false;
    }
    std::string by = foreign_driver(*target.local);
    if (by.empty()) {
        by = foreign_holder(*target.local);
    }
    if (by.empty()) {
        return false;
    }
    fail_port(check, "usb.claimed", port_of(target), {{"device", device_name(target)}, {"by", by}});
    return true;
}

} // namespace

Check check_bus(const Target& target, const ComputerView& view) {
    Check check = layer("usb_bus", N_("USB bus"));
    check.took = view.took.bus;
    check.looked_at = view.kernel_log.readable
                          ? "sysfs, kernel log"
                          : "sysfs; the kernel log may not be read: " + view.kernel_log.reason;
    if (target.has_device()) {
        check_device_at_port(check, target, view);
    } else if (target.has_token()) {
        check.set(skipped, N_("no USB device is known to belong to this token"));
    } else {
        check_empty_bus(check, view);
    }
    return check;
}

Check check_node(const Target& target) {
    Check check = layer("device_node", N_("Device node"));
    if (!target.local) {
        check.set(skipped, N_("no device to look at"));
        return check;
    }
    const LocalDevice& local = *target.local;
    check.looked_at = local.node;
    // pcscd is root; what speaks to other keys is a library in the person's own programs.
    const bool person_needs_it =
        !has_interface(target, usb_class_smart_card) && !has_interface(target, usb_class_mass_storage);
    if (!local.node_exists) {
        check.fail(finding_json({"usb.no_node", target.name, {{"object", local.node}}}));
    } else if (person_needs_it && !local.node_usable) {
        check.fail(finding_json({"usb.node_denied", target.name, {{"object", local.node}}}));
    } else if (local.node_world_writable) {
        check.warn(finding_json({"usb.node_world_writable", target.name, {{"object", local.node}}}));
    } else {
        check.set(ok, N_("{path}"), {{"path", local.node}});
    }
    return check;
}

Check check_driver(const Target& target) {
    Check check = layer("driver", N_("Class and driver"));
    if (!target.has_device()) {
        check.set(skipped, N_("no device to look at"));
    } else if (!fails_as_other_device(check, target) && !fails_as_storage(check, target) &&
               !fails_as_claimed(check, target)) {
        check.set(ok, N_("interface classes {interfaces}"), {{"interfaces", interface_words(target)}});
    }
    return check;
}

} // namespace ukey::ctl
