// SPDX-License-Identifier: Apache-2.0
// The two ends of a binding: key bind and key release.
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

/// Prints the key as it is after the change, under a line that says what was done.
ExitCode print_changed(const Context& context, const boost::json::object& answer, std::string_view done) {
    if (context.json()) {
        context.print_json(answer);
        return ExitCode::done;
    }
    const boost::json::object& key = object_of(answer, "key");
    context.print(say(done, {{"key", text_of(key, "key")}, {"organisation", organisation_line(key)}}) + "\n");
    context.print(render_key(key, context.style()));
    return ExitCode::done;
}

} // namespace

Run define_key_bind(CLI::App& command) {
    struct Arguments {
        std::string key;
        std::string organisation;
    };
    auto arguments = std::make_shared<Arguments>();
    command.add_option("KEY", arguments->key, _("the key's id, the beginning of it, or its serial number"))
        ->required();
    command
        .add_option("ORGANISATION", arguments->organisation,
                    _("the organisation's code, or its full names from the top, separated by “ - ”"))
        ->required();
    return [arguments](const Context& context) -> Outcome<ExitCode> {
        const auto answer =
            context.ask("key.bind", {{"key", arguments->key}, {"organisation", arguments->organisation}});
        return answer.map([&](const boost::json::object& done) {
            return print_changed(context, done, N_("The key {key} now belongs to {organisation}."));
        });
    };
}

Run define_key_release(CLI::App& command) {
    auto key = std::make_shared<std::string>();
    command.add_option("KEY", *key, _("the key's id, the beginning of it, or its serial number"))->required();
    return [key](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("key.release", {{"key", *key}});
        return answer.map([&](const boost::json::object& done) {
            return print_changed(context, done, N_("The key {key} belongs to no organisation any more."));
        });
    };
}

} // namespace ukey::ctl
