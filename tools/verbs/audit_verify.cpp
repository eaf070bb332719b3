// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

std::string render(const boost::json::object& result, bool intact, const Style& style) {
    const Places places{{"records", std::to_string(number_of(result, "records").value_or(0))},
                        {"head", text_of(result, "head")},
                        {"seq", std::to_string(number_of(result, "first_bad_seq").value_or(0))},
                        {"reason", text_of(result, "reason")}};
    if (intact) {
        return style.paint(Paint::good, "✔") + " " +
               say(N_("The ledger is intact: {records} records, head {head}."), places) + "\n";
    }
    const Explained texts = explain("audit.chain_broken", places, {});
    return style.paint(Paint::bad, "✘") + " " + texts.message + "\n  → " + texts.remedy + "\n";
}

} // namespace

Run define_audit_verify(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("audit.verify", {}, {}, long_answer_wait);
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        const bool intact = flag_of(*answer, "intact").value_or(false);
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(render(*answer, intact, context.style()));
        }
        return intact ? ExitCode::done : ExitCode::answered_no;
    };
}

} // namespace ukey::ctl
