// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/doctor.hpp"

#include "tools/diagnosis/gather.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

std::string render(const std::vector<Check>& checks, const Coverage& coverage, const Style& style) {
    std::string lines = render_checks(checks, style);
    for (const Check& check : checks) {
        const std::string remedy = check.finding.empty() ? "" : explain(check.finding).remedy;
        if (!remedy.empty() && check.name != "coverage") { // all of its findings follow
            lines += translate(check.title) + " → " + remedy + "\n";
        }
    }
    const std::string programs = render_coverage(coverage, style);
    return programs.empty() ? lines : lines + "\n" + programs;
}

} // namespace

Run define_doctor(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        ComputerView view = look_at_computer(context);
        view.coverage = look_at_coverage(coverage_question(view));
        const std::vector<Check> checks = doctor_checks(view);
        if (context.json()) {
            boost::json::array all;
            std::ranges::for_each(checks, [&](const Check& check) { all.emplace_back(to_json(check)); });
            context.print_json({{"checks", std::move(all)}, {"coverage", to_json(*view.coverage)}});
        } else {
            context.print(render(checks, *view.coverage, context.style()));
        }
        return first_failed(checks) == nullptr ? ExitCode::done : ExitCode::answered_no;
    };
}

} // namespace ukey::ctl
