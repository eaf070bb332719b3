// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/doctor.hpp"

#include "tools/diagnosis/gather.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

std::string render(const std::vector<Check>& checks, const Style& style) {
    std::string lines = render_checks(checks, style);
    for (const Check& check : checks) {
        const std::string remedy = check.finding.empty() ? "" : explain(check.finding).remedy;
        if (!remedy.empty()) {
            lines += translate(check.title) + " → " + remedy + "\n";
        }
    }
    return lines;
}

} // namespace

Run define_doctor(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const std::vector<Check> checks = doctor_checks(look_at_computer(context));
        if (context.json()) {
            boost::json::array all;
            std::ranges::for_each(checks, [&](const Check& check) { all.emplace_back(to_json(check)); });
            context.print_json({{"checks", std::move(all)}});
        } else {
            context.print(render(checks, context.style()));
        }
        return first_failed(checks) == nullptr ? ExitCode::done : ExitCode::answered_no;
    };
}

} // namespace ukey::ctl
