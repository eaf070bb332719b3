// SPDX-License-Identifier: Apache-2.0
#include "tools/verbs/status.hpp"

#include <fmt/format.h>

#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::string heading(const Style& style, const std::string& text) {
    return "\n" + style.paint(Paint::strong, text) + "\n";
}

std::string render_daemon(const boost::json::object& daemon) {
    return say(N_("Service ukeyd {version}, running since {time}; mode: {mode}"),
               {{"version", text_of(daemon, "version")},
                {"time", china_time(text_of(daemon, "started_at"))},
                {"mode", word(text_of(daemon, "mode"))}}) +
           "\n";
}

std::string render_modules(const boost::json::array& modules, const Style& style) {
    std::string lines;
    for (const boost::json::value& value : modules) {
        const boost::json::object& module = as_object(value);
        const std::string state = text_of(module, "state");
        const Cell sign = mark(state);
        lines += fmt::format("{} {}: {}  {}\n", style.paint(sign.paint, sign.text), text_of(module, "name"),
                             word(state), style.paint(Paint::faint, text_of(module, "path")));
        lines += render_findings(list_of(module, "findings"), style, 2);
    }
    return lines;
}

std::string device_name(const boost::json::object& device) {
    const std::string known = text_of(device, "vendor") + " " + text_of(device, "product");
    const std::string own = text_of(device, "manufacturer_string") + " " + text_of(device, "product_string");
    return known.size() > 1 ? known : own;
}

/// Devices that are a key already are shown as that key.
std::string render_devices(const boost::json::array& devices, const Style& style) {
    std::string lines;
    for (const boost::json::value& value : devices) {
        const boost::json::object& device = as_object(value);
        if (!text_of(device, "key").empty()) {
            continue;
        }
        lines += fmt::format("· {} {}:{} {}\n", text_of(device, "port"), text_of(device, "vendor_id"),
                             text_of(device, "product_id"), device_name(device));
        lines += render_findings(list_of(device, "findings"), style, 2);
    }
    return lines;
}

} // namespace

std::string render_status(const boost::json::object& status, const Style& style) {
    std::string lines = render_daemon(object_of(status, "daemon"));
    lines += render_findings(list_of(status, "findings"), style);
    const boost::json::array& keys = list_of(status, "keys");
    lines += heading(style, say(N_("U-Keys plugged in: {count}"), {{"count", std::to_string(keys.size())}}));
    for (const boost::json::value& key : keys) {
        lines += render_key(as_object(key), style);
    }
    const std::string devices = render_devices(list_of(object_of(status, "usb"), "devices"), style);
    if (!devices.empty()) {
        lines += heading(style, _("On the USB bus, without a token")) + devices;
    }
    lines += heading(style, _("PKCS#11 modules")) + render_modules(list_of(status, "modules"), style);
    return lines;
}

Run define_status(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const auto status = context.ask("status");
        if (!status) {
            return tl::unexpected(status.error());
        }
        if (context.json()) {
            context.print_json(*status);
        } else {
            context.print(render_status(*status, context.style()));
        }
        return has_error_finding(*status) ? ExitCode::answered_no : ExitCode::done;
    };
}

} // namespace ukey::ctl
