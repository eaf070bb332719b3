// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "daemon/core/clock.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

/// Enough of a login's id to name it to session show.
constexpr std::size_t shown_digits = 8;

struct Arguments {
    std::string month;
    std::string key;
    std::string organisation;
    bool open = false;
};

std::string how_it_ended(const boost::json::object& session) {
    const std::string ended = text_of(session, "ended_at");
    return ended.empty() ? _("still open") : china_time(ended) + " " + word(text_of(session, "end_reason"));
}

/// The organisation may come as its code, or as {code, path, name}.
std::string organisation_text(const boost::json::object& session) {
    const boost::json::object& organisation = object_of(session, "organisation");
    const std::string text =
        organisation.empty() ? text_of(session, "organisation") : text_of(organisation, "name");
    return text.empty() ? _("not bound") : text;
}

std::string render(const boost::json::array& sessions, const Style& style) {
    if (sessions.empty()) {
        return _("No login session matches.") + "\n";
    }
    Table table({"", _("Number"), _("Login"), _("End"), _("Used"), _("Counts"), _("User"), _("Program"),
                 _("U-Key"), _("Organisation")});
    for (const boost::json::value& value : sessions) {
        const boost::json::object& session = as_object(value);
        const bool counted = flag_of(session, "counted").value_or(false);
        table.add({mark(text_of(session, "verdict")),
                   {text_of(session, "login").substr(0, shown_digits)},
                   {china_time(text_of(session, "started_at"))},
                   {how_it_ended(session)},
                   {std::to_string(number_of(session, "uses").value_or(0))},
                   {word(counted ? "yes" : "no"), counted ? Paint::good : Paint::plain},
                   {text_of(session, "user")},
                   {std::filesystem::path(text_of(session, "executable")).filename().string()},
                   {text_of(session, "key")},
                   {organisation_text(session)}});
    }
    return table.text(style) +
           say(N_("{count} sessions, as this computer saw them"),
               {{"count", std::to_string(sessions.size())}}) +
           "\n";
}

Outcome<boost::json::object> request(const Arguments& arguments) {
    boost::json::object request;
    if (!arguments.month.empty()) {
        const auto month = ChinaMonth::parse(arguments.month);
        if (!month) {
            return fail_with(month.error());
        }
        request["month"] = month->text();
    }
    if (!arguments.key.empty()) {
        request["key"] = arguments.key;
    }
    if (!arguments.organisation.empty()) {
        request["organisation"] = arguments.organisation;
    }
    if (arguments.open) {
        request["open"] = true;
    }
    return request;
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const auto answer = request(arguments).and_then([&](boost::json::object filters) {
        return context.ask_for_list("session.list", std::move(filters), "sessions");
    });
    if (!answer) {
        return tl::unexpected(answer.error());
    }
    if (context.json()) {
        context.print_json(*answer);
    } else {
        context.print(render(list_of(*answer, "sessions"), context.style()));
    }
    return ExitCode::done;
}

} // namespace

Run define_session_list(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("--month", arguments->month, _("a month of China time, as 2026-04"));
    command.add_option("--key", arguments->key, _("the key's id, the beginning of it, or its serial number"));
    command.add_option("--organisation", arguments->organisation, _("the organisation's code or path"));
    command.add_flag("--open", arguments->open, _("only those that have not ended"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
