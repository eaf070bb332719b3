// SPDX-License-Identifier: Apache-2.0
// report export-month: what the timer does at the end of each month.
#include <fmt/format.h>

#include "daemon/core/configuration.hpp"
#include "tools/audit/fetched_bundle.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/report/assessment_output.hpp"
#include "tools/report/fetched_month.hpp"
#include "tools/report/month_export.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string folder;
    std::string month;
};

Outcome<std::string> chosen_folder(const Context& context, const Arguments& arguments) {
    if (!arguments.folder.empty()) {
        return arguments.folder;
    }
    const auto configuration = load_configuration(context.options().config);
    if (!configuration) {
        return fail_with(configuration.error());
    }
    return configuration->report_folder;
}

Outcome<std::vector<ChinaMonth>> chosen_months(const std::string& folder, const std::string& fingerprint,
                                               const std::string& asked) {
    const Timestamp now = SystemClock().now();
    if (asked.empty()) {
        return months_to_export(folder, fingerprint, now);
    }
    const auto month = ChinaMonth::parse(asked);
    if (!month) {
        return fail_with(month.error());
    }
    if (month->end() > now) {
        return fail_with("report.month_not_over", {{"object", month->text()}});
    }
    return std::vector{*month};
}

Outcome<void> write_report(const MonthAssessment& assessment, AssessmentFormat format,
                           const std::string& path) {
    auto output = OutputFile::open(path);
    if (!output) {
        return tl::unexpected(output.error());
    }
    return write_assessment(assessment, format, {}, *output).and_then([&] { return output->commit_new(); });
}

/// From where the month before's ended, as long as the service knows that place; else from the beginning.
Outcome<void> write_bundle(const Context& context, const std::string& folder, const std::string& fingerprint,
                           const ChinaMonth& month) {
    const std::string path = month_files(folder, fingerprint, month).bundle;
    auto output = OutputFile::open(path);
    if (!output) {
        return tl::unexpected(output.error());
    }
    const std::uint64_t since = end_of_earlier_bundle(folder, fingerprint, month);
    auto fetched = fetch_bundle(context, {{"since", since}}, *output);
    if (!fetched && since > 0 &&
        (fetched.error().code == "audit.no_checkpoint" || fetched.error().code == "audit.archived")) {
        fetched = fetch_bundle(context, {}, *output); // it was refused before a byte came
    }
    return fetched.and_then([&] { return output->commit_new(); });
}

/// Spreadsheet and page are compared with what is there. A bundle is signed anew each time, so one that is
/// there is enough.
Outcome<MonthFiles> export_month(const Context& context, const std::string& folder,
                                 const std::string& fingerprint, const ChinaMonth& month) {
    MonthFiles files = month_files(folder, fingerprint, month);
    const auto assessment = fetch_month(context, month);
    if (!assessment) {
        return tl::unexpected(assessment.error());
    }
    if (const auto written = write_report(*assessment, AssessmentFormat::xlsx, files.spreadsheet); !written) {
        return tl::unexpected(written.error());
    }
    if (const auto written = write_report(*assessment, AssessmentFormat::html, files.page); !written) {
        return tl::unexpected(written.error());
    }
    if (!files.has_bundle()) {
        if (const auto written = write_bundle(context, folder, fingerprint, month); !written) {
            return tl::unexpected(written.error());
        }
    }
    return files;
}

void say_nothing_to_do(const Context& context, const std::string& why) {
    if (context.json()) {
        context.print_json({{"months", boost::json::array()}});
    } else {
        context.print(why + "\n");
    }
}

void say_done(const Context& context, const std::vector<MonthFiles>& months) {
    boost::json::array list;
    for (const MonthFiles& files : months) {
        list.push_back(
            boost::json::object{{"xlsx", files.spreadsheet}, {"html", files.page}, {"bundle", files.bundle}});
        if (!context.json()) {
            context.print(fmt::format("{}\n{}\n{}\n", files.spreadsheet, files.page, files.bundle));
        }
    }
    if (context.json()) {
        context.print_json({{"months", std::move(list)}});
    }
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const auto folder = chosen_folder(context, arguments);
    if (!folder) {
        return tl::unexpected(folder.error());
    }
    if (folder->empty()) {
        say_nothing_to_do(context, _("No folder is configured (report.folder): nothing is exported."));
        return ExitCode::done;
    }
    const auto workstation = context.ask("workstation.show");
    if (!workstation) {
        return tl::unexpected(workstation.error());
    }
    const std::string fingerprint = raw_text(*workstation, "fingerprint");
    const auto months = chosen_months(*folder, fingerprint, arguments.month);
    if (!months) {
        return tl::unexpected(months.error());
    }
    if (months->empty()) {
        say_nothing_to_do(context, _("Everything is there already."));
        return ExitCode::done;
    }
    std::vector<MonthFiles> done;
    for (const ChinaMonth& month : *months) {
        auto files = export_month(context, *folder, fingerprint, month);
        if (!files) {
            return tl::unexpected(files.error());
        }
        done.push_back(std::move(*files));
    }
    say_done(context, done);
    return ExitCode::done;
}

} // namespace

Run define_report_export_month(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("--folder", arguments->folder,
                       _("where the files go; without it, where the configuration says (report.folder)"));
    command.add_option("--month", arguments->month,
                       _("this month, as 2026-04; without it, what has ended since the last time"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
