// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/removal_text.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {

Run define_audit_remove_personal_data(CLI::App& command) {
    auto before = std::make_shared<std::string>();
    command
        .add_option(
            "--before", *before,
            _("of records before this day, as 2026-04-01: users, programs' paths, names in certificates, "
              "and signatures of logins"))
        ->required();
    return [before](const Context& context) -> Outcome<ExitCode> {
        const auto answer =
            context.ask("audit.remove_personal_data", {{"before", *before}}, {}, long_answer_wait);
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(
                say(N_("Removed what {count} records referred to. The ledger holds as before; bundles that "
                       "were written earlier still have it."),
                    {{"count", std::to_string(number_of(*answer, "records").value_or(0))}}) +
                "\n" + traces_left(*answer));
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
