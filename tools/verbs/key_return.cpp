// SPDX-License-Identifier: Apache-2.0
// A key that goes back to its vendor, and the one that comes in its place.
#include "tools/confirmation.hpp"
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

/// "U-Key 0a1b2c3d4e5f (organisation) goes back …"; the id of the key that was confirmed.
Outcome<std::string> confirm_return(const Context& context, const std::string& wanted, bool confirmed) {
    const auto answer = context.ask("key.show", {{"key", wanted}});
    if (!answer) {
        return tl::unexpected(answer.error());
    }
    const boost::json::object& key = object_of(*answer, "key");
    auto confirmation = ask_to_confirm(
        say(N_("U-Key {key} ({organisation}) goes back for replacement: it can log in no more, "
               "and is never bound again."),
            {{"key", text_of(key, "key")}, {"organisation", organisation_line(key)}}),
        confirmed);
    if (!confirmation) {
        return tl::unexpected(confirmation.error());
    }
    return raw_text(key, "key");
}

ExitCode print_done(const Context& context, const boost::json::object& answer, std::string_view done) {
    const boost::json::object& key = object_of(answer, "key");
    if (context.json()) {
        context.print_json(answer);
    } else {
        context.print(say(done, {{"key", text_of(key, "key")}, {"organisation", organisation_line(key)}}) +
                      "\n");
    }
    return ExitCode::done;
}

} // namespace

Run define_key_return(CLI::App& command) {
    struct Arguments {
        std::string key;
        bool confirmed = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command.add_option("KEY", arguments->key, _("the key's id, the beginning of it, or its serial number"))
        ->required();
    command.add_flag("--yes", arguments->confirmed, _("do not ask first"));
    command.footer(_("Only a key whose own fault is proved goes back: ukeyctl diagnose says when."));
    return [arguments](const Context& context) -> Outcome<ExitCode> {
        return confirm_return(context, arguments->key, arguments->confirmed)
            .and_then([&](const std::string& key) {
                return context.ask("key.return", {{"key", key}});
            })
            .map([&](const boost::json::object& done) {
                return print_done(
                    context, done,
                    N_("The key {key} is marked as returned. When the new one is in: ukeyctl key "
                       "replace {key} NEW"));
            });
    };
}

Run define_key_replace(CLI::App& command) {
    struct Arguments {
        std::string old_key;
        std::string new_key;
        bool confirmed = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command.add_option("OLD", arguments->old_key, _("the key that goes back, or has gone"))->required();
    command.add_option("NEW", arguments->new_key, _("the key that takes its place"))->required();
    command.add_flag("--yes", arguments->confirmed, _("do not ask first"));
    command.footer(_("The new key inherits the organisation; the logins of both count."));
    return [arguments](const Context& context) -> Outcome<ExitCode> {
        return confirm_return(context, arguments->old_key, arguments->confirmed)
            .and_then([&](const std::string& key) {
                return context.ask("key.replace", {{"key", key}, {"by", arguments->new_key}});
            })
            .map([&](const boost::json::object& done) {
                return print_done(context, done, N_("The key {key} now belongs to {organisation}."));
            });
    };
}

} // namespace ukey::ctl
