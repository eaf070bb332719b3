// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::string render(const boost::json::array& organisations, const Style& style) {
    if (organisations.empty()) {
        return _("No organisation matches.") + "\n";
    }
    Table table({_("Code"), _("Kind"), _("Unit"), _("U-Key"), _("Organisation")});
    for (const boost::json::value& value : organisations) {
        const boost::json::object& organisation = as_object(value);
        const bool required = flag_of(organisation, "key_required").value_or(true);
        const std::string keys = joined_texts(organisation, "keys", ", ");
        table.add({{text_of(organisation, "code")},
                   {word(text_of(organisation, "kind"))},
                   {text_of(organisation, "assessed_unit")},
                   {keys.empty() ? (required ? _("missing") : "-") : keys,
                    keys.empty() && required ? Paint::warning : Paint::plain},
                   {organisation_path(organisation)}});
    }
    return table.text(style) +
           say(N_("{count} organisations"), {{"count", std::to_string(organisations.size())}}) + "\n";
}

} // namespace

Run define_org_list(CLI::App& command) {
    auto match = std::make_shared<std::string>();
    command.add_option("MATCH", *match, _("only those whose code or path contains this"));
    return [match](const Context& context) -> Outcome<ExitCode> {
        boost::json::object arguments;
        if (!match->empty()) {
            arguments["match"] = *match;
        }
        const auto answer = context.ask_for_list("org.list", std::move(arguments), "organisations");
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(render(list_of(*answer, "organisations"), context.style()));
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
