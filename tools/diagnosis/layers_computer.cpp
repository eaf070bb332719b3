// SPDX-License-Identifier: Apache-2.0
// The layers between the device and the token: what this computer needs so that anything speaks to it.
#include <algorithm>

#include "daemon/core/reader_name.hpp"
#include "tools/diagnosis/layers.hpp"
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

using enum CheckState;

constexpr std::string_view virtual_reader = "Virtual PCD";

bool is_reader_of_device(const LocalDevice& local, const PcscReader& reader) {
    const KnownDevice* known = DeviceTable::built_in().find(local.device.vendor_id, local.device.product_id);
    return is_reader_of(local.device, known, reader.name);
}

/// The token's reader, or the device's; one that works before one that is gone. nullptr: there is none.
const PcscReader* find_reader(const Target& target, const PcscView& pcsc) {
    const std::string named = raw_text(target.key, "slot_description");
    const PcscReader* found = nullptr;
    for (const PcscReader& reader : pcsc.readers) {
        const bool its_own = target.has_token() ? reader.name == named
                                                : target.local && is_reader_of_device(*target.local, reader);
        if (its_own && (found == nullptr || found->gone)) {
            found = &reader;
        }
    }
    return found;
}

/// A reader whose name says nothing may be this device's, as long as no other device has to have it.
bool has_unnamed_reader(const ComputerView& view) {
    const auto of_nobody = [&](const PcscReader& reader) {
        return !reader.gone && !reader.name.starts_with(virtual_reader) &&
               std::ranges::none_of(view.devices, [&](const LocalDevice& local) {
                   return is_reader_of_device(local, reader);
               });
    };
    return std::ranges::any_of(view.pcsc.readers, of_nobody);
}

/// After suspend pcscd may keep a reader that no longer answers, until it is started again.
bool was_reset(const Target& target, const ComputerView& view) {
    const auto trouble = view.kernel_log.ports.find(port_of(target));
    return trouble != view.kernel_log.ports.end() && trouble->second.resets > 0;
}

void judge_reader(Check& check, const Target& target, const ComputerView& view, const PcscReader& reader) {
    const auto fail = [&](std::string_view code) {
        check.fail(finding_json({std::string(code), target.name, {{"reader", reader.name}}}));
    };
    const bool silent = reader.mute || !reader.has_card;
    if (reader.gone || (silent && was_reset(target, view))) {
        fail("reader.stale");
    } else if (reader.exclusive) {
        fail("reader.exclusive");
    } else if (reader.mute) {
        fail("reader.mute");
    } else if (!reader.has_card) {
        fail("reader.empty");
    } else {
        check.set(ok, N_("{reader}, answer to reset {atr}"), {{"reader", reader.name}, {"atr", reader.atr}});
    }
}

Check needs_no_reader(Check check) {
    check.set(skipped, N_("this key does not need it"));
    return check;
}

bool is_other_kind(const Target& target) {
    return target.has_device() && !has_interface(target, usb_class_smart_card);
}

std::string module_version(const ComputerView& view, const std::string& name) {
    if (view.status) {
        for (const boost::json::value& module : list_of(*view.status, "modules")) {
            if (raw_text(as_object(module), "name") == name) {
                return text_of(as_object(module), "description");
            }
        }
    }
    return {};
}

} // namespace

bool has_twin(const Target& target, const ComputerView& view) {
    return target.local && std::ranges::count_if(view.devices, [&](const LocalDevice& other) {
                               return other.device.vendor_id == target.local->device.vendor_id &&
                                      other.device.product_id == target.local->device.product_id;
                           }) > 1;
}

Check check_middleware(const Target& target, const ComputerView& view) {
    Check check = layer("middleware", N_("Middleware"));
    check.looked_at = "the service's modules";
    if (check.fails_by(finding_like(target, "usb.no_middleware"))) {
        return check;
    }
    if (target.has_token()) {
        const std::string module = text_of(target.key, "module");
        check.set(ok, N_("module {module} ({description})"),
                  {{"module", module}, {"description", module_version(view, module)}});
        return check;
    }
    if (!view.status) {
        const std::string needed = middleware(target);
        check.set(unknown,
                  needed.empty() ? N_("only the service knows")
                                 : N_("only the service knows; this key needs: {middleware}"),
                  {{"middleware", needed}});
        return check;
    }
    const Check modules = check_modules(view);
    check.state = modules.state;
    check.found = modules.found;
    check.finding = modules.finding;
    return check;
}

Check check_smart_card_service(const Target& target, const ComputerView& view) {
    Check check = check_pcscd(view);
    // A module such as SoftHSM's works without pcscd.
    const bool without_device = target.has_token() && !target.has_device() && check.state == failed;
    if (is_other_kind(target) || without_device) {
        check.finding = {};
        return needs_no_reader(std::move(check));
    }
    return check;
}

Check check_reader(const Target& target, const ComputerView& view) {
    Check check = layer("reader", N_("Reader and card"));
    check.looked_at = "pcscd's readers";
    check.took = view.took.pcsc;
    const PcscReader* reader = find_reader(target, view.pcsc);
    if (!target.has_token() && is_other_kind(target)) {
        return needs_no_reader(std::move(check));
    }
    if (!target.has_token() && has_twin(target, view)) {
        check.set(unknown, N_("two of these keys are in: take the other one out"));
    } else if (reader != nullptr) {
        judge_reader(check, target, view, *reader);
    } else if (target.has_token()) {
        check.set(ok, N_("{reader}"), {{"reader", text_of(target.key, "slot_description")}});
    } else if (view.pcsc.state != PcscState::answered) {
        check.set(unknown, N_("only pcscd knows"));
    } else if (!target.has_device()) {
        if (!fails_by_stale_reader(check, view)) {
            check.set(skipped, N_("no device to look at"));
        }
    } else if (has_unnamed_reader(view)) {
        check.set(unknown, N_("no reader bears its name"));
    } else {
        check.fail(finding_json({"usb.no_reader", target.name, {{"device", device_name(target)}}}));
    }
    return check;
}

} // namespace ukey::ctl
