// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {

Run define_audit_checkpoint(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("audit.checkpoint");
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(say(N_("Signed up to record {seq}, head {head}."),
                              {{"seq", std::to_string(number_of(*answer, "seq").value_or(0))},
                               {"head", text_of(*answer, "head")}}) +
                          "\n");
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
