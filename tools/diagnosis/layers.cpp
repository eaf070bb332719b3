// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/layers.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/core/device_table.hpp"
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

using enum CheckState;

Check layer(std::string_view name, std::string_view title) {
    return {.name = name, .title = title, .state = unknown, .found = {}, .finding = {}};
}

void set(Check& check, CheckState state, std::string_view text, Places places = {}) {
    check.state = state;
    check.found = {text, std::move(places)};
}

/// The first finding whose code begins so, in the token's or in the device's list.
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

/// Sets a check to failed when there is such a finding.
bool fails_by(Check& check, const Target& target, std::string_view prefix) {
    check.finding = finding_like(target, prefix);
    if (check.finding.empty()) {
        return false;
    }
    check.state = failed;
    return true;
}

bool has_token(const Target& target) {
    return !target.key.empty();
}
bool has_device(const Target& target) {
    return !target.device.empty() || target.local.has_value();
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

Check check_bus(const Target& target) {
    Check check = layer("usb_bus", N_("USB bus"));
    if (has_device(target)) {
        const std::string port = target.local ? target.local->device.port : text_of(target.device, "port");
        set(check, ok, N_("{device} at port {port}"), {{"device", device_name(target)}, {"port", port}});
    } else if (has_token(target)) {
        set(check, skipped, N_("no USB device is known to belong to this token"));
    } else {
        check.state = failed;
        check.finding = finding_json({"usb.no_device", "usb", {}});
    }
    return check;
}

Check check_node(const Target& target) {
    Check check = layer("device_node", N_("Device node"));
    if (!target.local) {
        set(check, skipped, N_("no device to look at"));
    } else if (target.local->node_exists) {
        set(check, ok, N_("{path}"), {{"path", target.local->node}});
    } else {
        check.state = failed;
        check.finding = finding_json({"usb.no_node", target.name, {{"object", target.local->node}}});
    }
    return check;
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

Check check_driver(const Target& target) {
    Check check = layer("driver", N_("Class and driver"));
    if (!has_device(target)) {
        set(check, skipped, N_("no device to look at"));
        return check;
    }
    const bool storage_only = has_interface(target, usb_class_mass_storage) &&
                              !has_interface(target, usb_class_smart_card) &&
                              !has_interface(target, usb_class_hid);
    if (storage_only && !has_token(target)) {
        check.state = failed;
        check.finding = finding_json({"usb.no_driver",
                                      target.name,
                                      {{"device", device_name(target)},
                                       {"interfaces", interface_words(target)},
                                       {"middleware", middleware(target)}}});
        return check;
    }
    set(check, ok, N_("interface classes {interfaces}"), {{"interfaces", interface_words(target)}});
    return check;
}

Check check_middleware(const Target& target, const ComputerView& view) {
    Check check = layer("middleware", N_("Middleware"));
    if (fails_by(check, target, "usb.no_middleware")) {
        return check;
    }
    if (has_token(target)) {
        set(check, ok, N_("module {module}"), {{"module", text_of(target.key, "module")}});
        return check;
    }
    if (!view.status) {
        const std::string needed = middleware(target);
        set(check, unknown,
            needed.empty() ? N_("only the service knows")
                           : N_("only the service knows; this key needs: {middleware}"),
            {{"middleware", needed}});
        return check;
    }
    const auto checks = doctor_checks(view);
    const auto modules = std::ranges::find(checks, std::string_view("modules"), &Check::name);
    check.state = modules->state;
    check.found = modules->found;
    check.finding = modules->finding;
    return check;
}

Check check_smart_card_service(const Target& target, const ComputerView& view) {
    Check check = check_pcscd(view);
    // A token that was read needs nothing more; a module such as SoftHSM's works without pcscd.
    const bool other_kind = has_device(target) && !has_interface(target, usb_class_smart_card);
    if (other_kind || (has_token(target) && check.state == failed)) {
        check.finding = {};
        set(check, skipped, N_("this key does not need it"));
    }
    return check;
}

Check check_reader(const Target& target, const ComputerView& view) {
    Check check = layer("reader", N_("Reader"));
    if (fails_by(check, target, "usb.no_reader")) {
        return check;
    }
    if (has_token(target)) {
        set(check, ok, N_("{reader}"), {{"reader", text_of(target.key, "slot_description")}});
    } else if (!view.status) {
        set(check, unknown, N_("only the service knows"));
    } else if (!has_device(target)) {
        set(check, skipped, N_("no device to look at"));
    } else {
        set(check, unknown, N_("the service reports nothing wrong with it"));
    }
    return check;
}

Check check_token(const Target& target, const ComputerView& view) {
    Check check = layer("token", N_("Token"));
    if (fails_by(check, target, "usb.no_token") || fails_by(check, target, "key.unreadable")) {
        return check;
    }
    if (has_token(target)) {
        set(check, ok, N_("{label}, serial {serial}"),
            {{"label", text_of(target.key, "label")}, {"serial", text_of(target.key, "serial")}});
    } else if (!view.status) {
        set(check, unknown, N_("only the service knows"));
    } else {
        set(check, has_device(target) ? failed : skipped, N_("no token was read"));
    }
    return check;
}

Check check_pin(const Target& target) {
    Check check = layer("pin", N_("PIN state"));
    if (!has_token(target)) {
        set(check, skipped, N_("no token"));
    } else if (!fails_by(check, target, "pin.locked") && !fails_by(check, target, "pin.final_try")) {
        // English for programs: the words of pin_words are the reader's own
        const bool is_default = flag_of(object_of(target.key, "pin"), "default").value_or(false);
        set(check, ok,
            is_default ? N_("not locked, but still the default PIN") : N_("not locked, as far as is known"));
    }
    return check;
}

Check check_certificate(const Target& target) {
    Check check = layer("certificate", N_("Certificate"));
    if (!has_token(target)) {
        set(check, skipped, N_("no token"));
        return check;
    }
    const boost::json::object& certificate = object_of(target.key, "certificate");
    set(check, certificate.empty() ? failed : ok, certificate.empty() ? N_("none was read") : N_("“{name}”"),
        {{"name", text_of(certificate, "organisation_name")}});
    for (const boost::json::value& value : list_of(target.key, "findings")) {
        const boost::json::object& finding = as_object(value);
        if (raw_text(finding, "code").starts_with("certificate.") &&
            raw_text(finding, "severity") == "error") {
            check.state = failed;
            check.finding = finding;
            break;
        }
    }
    return check;
}

Check check_binding(const Target& target) {
    Check check = layer("binding", N_("Binding"));
    if (!has_token(target)) {
        set(check, skipped, N_("no token"));
    } else if (!fails_by(check, target, "binding.")) {
        const boost::json::object& organisation = object_of(target.key, "organisation");
        set(check, organisation.empty() ? unknown : ok,
            organisation.empty() ? N_("not bound") : N_("{organisation}"),
            {{"organisation", text_of(organisation, "name")}});
    }
    return check;
}

} // namespace

std::vector<Check> diagnose_target(const Target& target, const ComputerView& view) {
    return {check_bus(target),
            check_node(target),
            check_driver(target),
            check_middleware(target, view),
            check_smart_card_service(target, view),
            check_reader(target, view),
            check_token(target, view),
            check_pin(target),
            check_certificate(target),
            check_binding(target)};
}

} // namespace ukey::ctl
