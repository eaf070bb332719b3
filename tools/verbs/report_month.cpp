// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/clock.hpp"
#include "tools/locale.hpp"
#include "tools/output_file.hpp"
#include "tools/report/month_text.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string month;
    std::string format = "table";
    std::string output;
};

std::string render(const boost::json::object& report, const std::string& format, const Style& style) {
    if (format == "json") {
        return boost::json::serialize(report) + "\n";
    }
    return format == "csv" ? render_month_csv(report) : render_month_table(report, style);
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const auto month = ChinaMonth::parse(arguments.month);
    if (!month) {
        return fail_with(month.error());
    }
    const auto report = context.ask_for_list("report.month", {{"month", month->text()}}, "rows");
    if (!report) {
        return tl::unexpected(report.error());
    }
    auto output = OutputFile::open(arguments.output);
    if (!output) {
        return tl::unexpected(output.error());
    }
    const Style style = arguments.output.empty() ? context.style() : Style{};
    output->write(render(*report, context.json() ? "json" : arguments.format, style));
    return output->commit().map([] { return ExitCode::done; });
}

} // namespace

Run define_report_month(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("MONTH", arguments->month, _("a month of China time, as 2026-04"))->required();
    command.add_option("--format", arguments->format, _("table, json or csv"))
        ->check(CLI::IsMember({"table", "json", "csv"}))
        ->capture_default_str();
    command.add_option("--output", arguments->output, _("write to this file"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
