// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/clock.hpp"
#include "tools/locale.hpp"
#include "tools/report/assessment_output.hpp"
#include "tools/report/fetched_month.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string month;
    std::string format = "table";
    std::string output;
};

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const auto month = ChinaMonth::parse(arguments.month);
    if (!month) {
        return fail_with(month.error());
    }
    const AssessmentFormat format =
        context.json() ? AssessmentFormat::json : parse_assessment_format(arguments.format).value();
    if (const auto possible = check_output(format, arguments.output); !possible) {
        return tl::unexpected(possible.error()); // before the service has the work
    }
    const auto assessment = fetch_month(context, *month);
    if (!assessment) {
        return tl::unexpected(assessment.error());
    }
    return render_assessment(*assessment, format, arguments.output, context.style()).map([] {
        return ExitCode::done;
    });
}

} // namespace

Run define_report_month(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("MONTH", arguments->month, _("a month of China time, as 2026-04"))->required();
    command
        .add_option("--format", arguments->format,
                    _("table, json, csv, xlsx (a spreadsheet) or html (a page to read and print)"))
        ->check(CLI::IsMember(assessment_format_names()))
        ->capture_default_str();
    command.add_option("--output", arguments->output, _("write to this file"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
