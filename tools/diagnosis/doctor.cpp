// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/doctor.hpp"

#include <algorithm>

#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"

namespace ukey::ctl {
namespace {

using enum CheckState;

boost::json::object finding_of(const Failure& failure) {
    return finding_json({failure.code, "ukeyd", failure.places});
}

/// The daemon's finding of that code, at top level.
const boost::json::object* find_finding(const boost::json::object& status, std::string_view code) {
    for (const boost::json::value& finding : list_of(status, "findings")) {
        if (raw_text(as_object(finding), "code") == code) {
            return &as_object(finding);
        }
    }
    return nullptr;
}

Check check_configuration(const ComputerView& view) {
    Check check{.name = "configuration", .title = N_("Configuration"), .found = {}, .finding = {}};
    if (view.configuration) {
        check.state = ok;
        check.found = {N_("{file} is readable and right"), {{"file", view.config_path}}};
        return check;
    }
    const Error& error = view.configuration.error();
    check.state = failed;
    check.finding =
        finding_json({error.code, view.config_path, {{"object", error.object}, {"reason", error.reason}}});
    return check;
}

bool is_running(const boost::json::value& module) {
    return raw_text(as_object(module), "state") == "running";
}

Check check_trust(const ComputerView& view) {
    Check check{.name = "trust", .title = N_("CA certificates"), .found = {}, .finding = {}};
    if (!view.configuration) {
        check.found = {N_("the configuration cannot be read"), {}};
        return check;
    }
    const std::size_t paths = view.configuration->trust_paths.size();
    check.state = paths > 0 ? ok : failed;
    check.found = {N_("{count} paths configured"), {{"count", std::to_string(paths)}}};
    if (paths == 0) {
        check.finding = finding_json({"certificate.no_trust_anchor", "", {{"config", view.config_path}}});
    }
    if (view.status) {
        if (const boost::json::object* unreadable = find_finding(*view.status, "trust.unreadable")) {
            check.state = failed;
            check.finding = *unreadable;
        }
    }
    return check;
}

Check check_registry_present(const ComputerView& view) {
    Check check{.name = "registry", .title = N_("Registry of organisations"), .found = {}, .finding = {}};
    if (!view.status) {
        check.found = {N_("only the service knows"), {}};
        return check;
    }
    const boost::json::object* empty = find_finding(*view.status, "registry.empty");
    check.state = empty == nullptr ? ok : failed;
    check.found = {N_("present"), {}};
    if (empty != nullptr) {
        check.finding = *empty;
    }
    return check;
}

Check check_filter(const ComputerView& view) {
    Check check{.name = "filter", .title = N_("Filter module"), .found = {}, .finding = {}};
    check.state = view.filter.empty() ? failed : ok;
    check.found = {N_("{path}"), {{"path", view.filter}}};
    if (view.filter.empty()) {
        check.finding = finding_json({"filter.missing", "", {}});
    }
    return check;
}

/// The bus as a whole: what is at a port is a diagnosis's to say.
Check check_controllers(const ComputerView& view) {
    Check check = layer("usb_bus", N_("USB bus"));
    check.took = view.took.bus;
    const auto controllers = std::ranges::count_if(view.devices, &LocalDevice::is_root_hub);
    if (controllers == 0) {
        check.fail(finding_json({"usb.no_controller", "usb", {}}));
        return check;
    }
    check.set(ok, N_("{count} devices"),
              {{"count", std::to_string(static_cast<std::ptrdiff_t>(view.devices.size()) - controllers)}});
    for (const auto& [port, trouble] : view.kernel_log.ports) {
        if (trouble.over_currents > 0 || trouble.no_power) {
            const std::string_view code = trouble.over_currents > 0 ? "usb.over_current" : "usb.no_power";
            check.fail(finding_json({std::string(code), port, {{"port", port}}}));
            break;
        }
    }
    return check;
}

/// The mode, and in `observe` what is still missing for `enforce`: the checks above that failed.
Check check_mode(const ComputerView& view, const std::vector<Check>& before) {
    Check check{.name = "mode", .title = N_("Mode"), .found = {}, .finding = {}};
    std::string mode = view.status ? raw_text(object_of(*view.status, "daemon"), "mode") : "";
    if (mode.empty() && view.configuration) {
        mode = to_string(view.configuration->mode);
    }
    check.state = mode.empty() ? unknown : ok;
    if (mode == "enforce") {
        check.found = {N_("enforce: what the rules forbid is refused"), {}};
        return check;
    }
    std::vector<std::string_view> missing;
    for (const Check& one : before) {
        // That not every process could be seen keeps nobody from enforcing.
        if (one.state == failed || (one.state == unknown && one.name != "coverage")) {
            missing.push_back(one.title);
        }
    }
    if (missing.empty()) {
        check.found = {N_("observe: nothing is refused; everything that “enforce” needs is there"), {}};
    } else {
        check.found = {
            N_("observe: nothing is refused; for “enforce” see to: {items}"), {}, std::move(missing)};
    }
    return check;
}

} // namespace

Check check_daemon(const ComputerView& view) {
    Check check{.name = "daemon", .title = N_("Service ukeyd"), .found = {}, .finding = {}};
    if (!view.status) {
        check.state = failed;
        check.finding = finding_of(view.status.error());
        return check;
    }
    check.took = view.took.status;
    const boost::json::object& daemon = object_of(*view.status, "daemon");
    check.state = ok;
    check.found = {N_("version {version}, process {pid}"),
                   {{"version", text_of(daemon, "version")},
                    {"pid", std::to_string(number_of(daemon, "pid").value_or(0))}}};
    return check;
}

Check check_clock(const ComputerView& view) {
    Check check = layer("clock", N_("Clock"));
    check.looked_at = "this computer's clock";
    if (view.clock.is_behind()) {
        check.fail(finding_json({"clock.behind",
                                 "clock",
                                 {{"now", china_time(format_timestamp(view.clock.now))},
                                  {"object", view.clock.witness},
                                  {"reference", china_time(format_timestamp(view.clock.not_before))}}}));
    } else {
        check.set(ok, N_("{time}"), {{"time", china_time(format_timestamp(view.clock.now))}});
    }
    return check;
}

bool fails_by_stale_reader(Check& check, const ComputerView& view) {
    const auto gone = std::ranges::find_if(view.pcsc.readers, &PcscReader::gone);
    if (gone == view.pcsc.readers.end()) {
        return false;
    }
    check.fail(finding_json({"reader.stale", "pcscd", {{"reader", gone->name}}}));
    return true;
}

Check check_pcscd(const ComputerView& view) {
    Check check = layer("pcscd", N_("Smart-card service pcscd"));
    check.looked_at = view.pcscd_socket;
    check.took = view.took.pcsc;
    const auto fail = [&](std::string_view code, const std::string& reason) {
        check.fail(
            finding_json({std::string(code), "pcscd", {{"object", view.pcscd_socket}, {"reason", reason}}}));
    };
    if (view.pcscd_refusal) {
        fail(view.pcscd_socket_exists ? "pcscd.refused" : "pcscd.absent", *view.pcscd_refusal);
    } else if (view.pcsc.state == PcscState::hung) {
        fail("pcscd.hung", "");
    } else if (view.pcsc.state == PcscState::refused) {
        fail("pcscd.not_allowed", view.pcsc.reason);
    } else if (view.pcsc.state != PcscState::answered) {
        fail("pcscd.failed", view.pcsc.reason);
    } else {
        check.set(ok, N_("answers at {path}"), {{"path", view.pcscd_socket}});
    }
    return check;
}

Check check_modules(const ComputerView& view) {
    Check check{.name = "modules", .title = N_("PKCS#11 modules"), .found = {}, .finding = {}};
    if (!view.status) {
        check.found = {N_("only the service knows"), {}};
        return check;
    }
    const boost::json::array& modules = list_of(*view.status, "modules");
    const auto running = std::ranges::count_if(modules, is_running);
    const bool all_running = running > 0 && running == static_cast<std::ptrdiff_t>(modules.size());
    check.state = all_running ? ok : unknown; // one that is being started has nothing to say yet
    check.found = {N_("{running} of {all} running"),
                   {{"running", std::to_string(running)}, {"all", std::to_string(modules.size())}}};
    if (modules.empty()) {
        check.finding = finding_json({"module.none", "", {}});
    }
    for (const boost::json::value& module : modules) {
        const boost::json::array& findings = list_of(as_object(module), "findings");
        if (check.finding.empty() && !is_running(module) && !findings.empty()) {
            check.finding = as_object(findings.front());
        }
    }
    check.state = check.finding.empty() ? check.state : failed;
    return check;
}

std::string_view to_string(ComputerVerdict verdict) {
    switch (verdict) {
    case ComputerVerdict::in_order:
        return "in_order";
    case ComputerVerdict::fix_this_computer:
        return "fix_this_computer";
    case ComputerVerdict::cannot_tell:
        return "cannot_tell";
    }
    return "cannot_tell";
}

ComputerVerdict judge_computer(const std::vector<Check>& checks) {
    if (first_failed(checks) != nullptr) {
        return ComputerVerdict::fix_this_computer;
    }
    const bool all_known = std::ranges::none_of(
        checks, [](const Check& check) { return check.state == unknown && check.name != "coverage"; });
    return all_known ? ComputerVerdict::in_order : ComputerVerdict::cannot_tell;
}

std::vector<Check> doctor_checks(const ComputerView& view) {
    Check pcscd = check_pcscd(view);
    if (pcscd.state == ok) {
        static_cast<void>(fails_by_stale_reader(pcscd, view));
    }
    std::vector<Check> checks{
        check_controllers(view), check_clock(view),   check_daemon(view), check_configuration(view),
        std::move(pcscd),        check_modules(view), check_trust(view),  check_registry_present(view),
        check_filter(view)};
    if (view.coverage) {
        checks.push_back(check_coverage(*view.coverage));
    }
    checks.push_back(check_mode(view, checks));
    return checks;
}

} // namespace ukey::ctl
