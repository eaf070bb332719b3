// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

bool is_locked(const boost::json::value& key) {
    return raw_text(object_of(as_object(key), "pin"), "locked") == "yes";
}

std::string render(const boost::json::array& keys, const Style& style) {
    if (keys.empty()) {
        return _("No U-Key is plugged in.") + "\n";
    }
    std::string lines;
    for (const boost::json::value& value : keys) {
        const boost::json::object& key = as_object(value);
        lines += style.paint(Paint::strong, organisation_line(key)) + "\n";
        lines += detail_line(_("U-Key"), text_of(key, "key"));
        lines += detail_line(_("PIN"), pin_words(key));
        for (const boost::json::value& finding : list_of(key, "findings")) {
            if (raw_text(as_object(finding), "code").starts_with("pin.")) {
                lines += render_finding(as_object(finding), style, 2);
            }
        }
    }
    return lines;
}

boost::json::object pin_of(const boost::json::object& key) {
    return {{"key", raw_text(key, "key")}, {"pin", object_of(key, "pin")}};
}

Outcome<boost::json::array> ask_for_keys(const Context& context, const std::string& key) {
    if (key.empty()) {
        return context.ask("key.list", {{"all", false}}).map([](const boost::json::object& answer) {
            return list_of(answer, "keys");
        });
    }
    return context.ask("key.show", {{"key", key}}).map([](const boost::json::object& answer) {
        boost::json::array one;
        one.push_back(object_of(answer, "key"));
        return one;
    });
}

} // namespace

Run define_pin_status(CLI::App& command) {
    auto key = std::make_shared<std::string>();
    command.add_option("KEY", *key, _("the key's id, the beginning of it, or its serial number"));
    return [key](const Context& context) -> Outcome<ExitCode> {
        const auto keys = ask_for_keys(context, *key);
        if (!keys) {
            return tl::unexpected(keys.error());
        }
        if (context.json()) {
            boost::json::array pins;
            std::ranges::for_each(*keys, [&](const auto& one) { pins.emplace_back(pin_of(as_object(one))); });
            context.print_json({{"keys", std::move(pins)}});
        } else {
            context.print(render(*keys, context.style()));
        }
        return std::ranges::any_of(*keys, is_locked) ? ExitCode::answered_no : ExitCode::done;
    };
}

} // namespace ukey::ctl
