// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/doctor.hpp"

#include <algorithm>
#include <array>

#include "tools/diagnosis/fix.hpp"
#include "tools/diagnosis/gather.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct VerdictText {
    ComputerVerdict verdict;
    Paint paint;
    std::string_view headline;
};
constexpr std::array verdict_texts{
    VerdictText{ComputerVerdict::in_order, Paint::good, N_("This computer is in order for U-Keys.")},
    VerdictText{ComputerVerdict::fix_this_computer, Paint::bad,
                N_("This computer is at fault: no key needs to go back because of it.")},
    VerdictText{ComputerVerdict::cannot_tell, Paint::warning,
                N_("Not decided: some of it is not known yet. Look again in a moment.")},
};

std::string headline(const std::vector<Check>& checks, const Style& style) {
    const auto text = std::ranges::find(verdict_texts, judge_computer(checks), &VerdictText::verdict);
    return style.paint(text->paint, translate(text->headline)) + "\n";
}

std::string render(const std::vector<Check>& checks, const Coverage& coverage, const Style& style) {
    std::string lines = render_checks(checks, style) + headline(checks, style);
    for (const Check& check : checks) {
        const std::string remedy = check.finding.empty() ? "" : explain(check.finding).remedy;
        if (!remedy.empty() && check.name != "coverage") { // all of its findings follow
            lines += translate(check.title) + " → " + remedy + "\n";
        }
    }
    const std::string programs = render_coverage(coverage, style);
    return programs.empty() ? lines : lines + "\n" + programs;
}

struct Arguments {
    bool fix = false;
    bool confirmed = false;
};

struct Looked {
    Coverage coverage;
    std::vector<Check> checks;
};

Looked look_around(const Context& context) {
    StageLine stage;
    ComputerView view = look_at_computer(context, stage);
    stage.show(_("Looking at the programs that run …"));
    view.coverage = look_at_coverage(coverage_question(view));
    std::vector<Check> checks = doctor_checks(view);
    return {.coverage = std::move(*view.coverage), .checks = std::move(checks)};
}

Looked look_and_fix(const Context& context, const Arguments& arguments) {
    Looked looked = look_around(context);
    if (!arguments.fix) {
        return looked;
    }
    std::vector<std::string> codes;
    for (const Check& check : looked.checks) {
        if (check.state == CheckState::failed) {
            codes.push_back(code_of(check));
        }
    }
    return offer_fixes(codes, arguments.confirmed) ? look_around(context) : looked;
}

ExitCode run(const Context& context, const Arguments& arguments) {
    const Looked looked = look_and_fix(context, arguments);
    const std::vector<Check>& checks = looked.checks;
    if (context.json()) {
        boost::json::array all;
        std::ranges::for_each(checks, [&](const Check& check) { all.emplace_back(to_json(check)); });
        context.print_json({{"verdict", to_string(judge_computer(checks))},
                            {"checks", std::move(all)},
                            {"coverage", to_json(looked.coverage)}});
    } else {
        context.print(render(checks, looked.coverage, context.style()));
    }
    return judge_computer(checks) == ComputerVerdict::in_order ? ExitCode::done : ExitCode::answered_no;
}

} // namespace

Run define_doctor(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    auto* fix = command.add_flag("--fix", arguments->fix,
                                 _("mend what can be mended from here, such as a service that does not run; "
                                   "asks before each step"));
    command.add_flag("--yes", arguments->confirmed, _("do not ask first"))->needs(fix);
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
