// SPDX-License-Identifier: Apache-2.0
#include "tools/verbs/watch.hpp"

#include <array>
#include <cstdio>

#include <fmt/format.h>

#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

/// What follows the event's name, and further lines.
std::string device_text(const boost::json::object& event, const Style& /*style*/) {
    const boost::json::object& device = object_of(event, "device");
    return fmt::format("{} {}:{} {} {}", text_of(device, "port"), text_of(device, "vendor_id"),
                       text_of(device, "product_id"), text_of(device, "vendor"), text_of(device, "product"));
}

std::string key_text(const boost::json::object& event, const Style& style) {
    const boost::json::object& key = object_of(event, "key");
    std::string text =
        fmt::format("{}  {}  {}", text_of(key, "key"), organisation_line(key), render_verdict(key, style));
    if (raw_text(event, "type") != "key.removed" && !list_of(key, "findings").empty()) {
        text += "\n" + render_findings(list_of(key, "findings"), style, 4);
        text.pop_back();
    }
    return text;
}

std::string session_text(const boost::json::object& event, const Style& /*style*/) {
    const boost::json::object& session = object_of(event, "session");
    const std::string reason = text_of(session, "end_reason");
    return fmt::format("{}  {}  {}{}", text_of(session, "key"), text_of(session, "user"),
                       text_of(session, "executable"), reason.empty() ? "" : "  " + word(reason));
}

std::string refusal_text(const boost::json::object& event, const Style& style) {
    const boost::json::object& key = object_of(event, "key");
    const std::string id = key.empty() ? text_of(event, "key") : text_of(key, "key");
    return fmt::format("{}  {}", id, style.paint(Paint::bad, joined_texts(event, "codes", ", ")));
}

std::string module_text(const boost::json::object& event, const Style& style) {
    const boost::json::object& module = object_of(event, "module");
    std::string text = text_of(module, "name") + ": " + word(text_of(module, "state"));
    const boost::json::array& findings = list_of(module, "findings");
    if (!findings.empty()) {
        text += "\n" + render_findings(findings, style, 4);
        text.pop_back();
    }
    return text;
}

struct EventText {
    std::string_view type;
    std::string_view name;
    std::string (*text)(const boost::json::object& event, const Style& style);
};

constexpr auto events = std::to_array<EventText>({
    {"watching", N_("watching; end with Ctrl+C"), nullptr},
    {"usb.added", N_("USB device plugged in"), device_text},
    {"usb.removed", N_("USB device pulled out"), device_text},
    {"key.inserted", N_("U-Key plugged in"), key_text},
    {"key.removed", N_("U-Key pulled out"), key_text},
    {"key.changed", N_("U-Key changed"), key_text},
    {"session.started", N_("login"), session_text},
    {"session.used", N_("key used"), session_text},
    {"session.ended", N_("login ended"), session_text},
    {"login.refused", N_("login refused"), refusal_text},
    {"module.state", N_("module"), module_text},
    {"daemon.configured", N_("configuration read again"), nullptr},
});

} // namespace

std::string render_event(const boost::json::object& event, const Style& style) {
    const std::string type = text_of(event, "type");
    const std::string time = style.paint(Paint::faint, china_time(text_of(event, "time")));
    const auto known = std::ranges::find(events, type, &EventText::type);
    if (known == events.end()) {
        return fmt::format("{}  {}  {}\n", time, type, text_of(event, "subject"));
    }
    const std::string what = known->text != nullptr ? known->text(event, style) : "";
    return fmt::format("{}  {}  {}\n", time, style.paint(Paint::strong, translate(known->name)), what);
}

Run define_watch(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const auto print_event = [&](const boost::json::value& event) {
            if (context.json()) {
                context.print_json(as_object(event));
            } else {
                context.print(render_event(as_object(event), context.style()));
            }
            return std::fflush(stdout) == 0; // nobody reads any more: end
        };
        return context.ask("watch", {}, print_event, wait_for_ever).map([](const auto&) {
            return ExitCode::done;
        });
    };
}

} // namespace ukey::ctl
