// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::string yes_or_no(const boost::json::object& object, std::string_view name) {
    const auto flag = flag_of(object, name);
    return flag ? word(*flag ? "yes" : "no") : "";
}

std::string render(const boost::json::object& organisation, const Style& style) {
    const boost::json::object& administrator = object_of(organisation, "administrator");
    const std::string person = text_of(administrator, "name") + " " + text_of(administrator, "mobile");
    const std::string keys = joined_texts(organisation, "keys", ", ");
    std::string lines = style.paint(Paint::strong, text_of(organisation, "name")) + "\n";
    lines += detail_line(_("Affiliation"), organisation_path(organisation));
    lines += detail_line(_("Code"), text_of(organisation, "code"));
    lines += detail_line(_("Kind"), word(text_of(organisation, "kind")));
    lines += detail_line(_("Unit"), text_of(organisation, "assessed_unit"));
    lines += detail_line(_("Key required"), yes_or_no(organisation, "key_required"));
    lines += detail_line(_("Mobile term."), yes_or_no(organisation, "mobile_terminal"));
    lines += detail_line(_("Answered by"), text_of(organisation, "answered_for_by"));
    lines +=
        detail_line(_("Administrator"), administrator.empty() ? _("none, or not for you to see") : person);
    lines += detail_line(_("Founded"), text_of(organisation, "founded"));
    lines += detail_line(_("Dissolved"), text_of(organisation, "dissolved"));
    lines += detail_line(_("U-Key"), keys.empty() ? _("none") : keys);
    return lines + render_findings(list_of(organisation, "findings"), style, 2);
}

} // namespace

Run define_org_show(CLI::App& command) {
    auto organisation = std::make_shared<std::string>();
    command
        .add_option("ORGANISATION", *organisation,
                    _("the organisation's code, or its full names from the top, separated by “ - ”"))
        ->required();
    return [organisation](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("org.show", {{"organisation", *organisation}});
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(render(object_of(*answer, "organisation"), context.style()));
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
