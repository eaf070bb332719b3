// SPDX-License-Identifier: Apache-2.0
#include "tools/district/month_facts.hpp"
#include "tools/district/store.hpp"
#include "tools/locale.hpp"
#include "tools/report/assessment_output.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string store;
    std::string month;
    std::string rule_file;
    std::string format = "table";
    std::string output;
};

Outcome<CriterionRule> load_rule(const Arguments& arguments, const ChinaMonth& month) {
    auto rule = arguments.rule_file.empty() ? Result<CriterionRule>(CriterionRule::built_in())
                                            : CriterionRule::load(arguments.rule_file);
    if (!rule) {
        return fail_with(rule.error());
    }
    if (const auto valid = rule->check_valid_in(month); !valid) {
        return fail_with(valid.error());
    }
    return std::move(*rule);
}

Outcome<MonthAssessment> assess_month(const Arguments& arguments) {
    const auto month = ChinaMonth::parse(arguments.month);
    if (!month) {
        return fail_with(month.error());
    }
    const auto rule = load_rule(arguments, *month);
    if (!rule) {
        return tl::unexpected(rule.error());
    }
    auto store = district::Store::open(arguments.store);
    if (!store) {
        return fail_with(store.error());
    }
    auto facts = district::read_month_facts(store->database(), *month, *rule);
    if (!facts) {
        return fail_with(district::as_district_error(facts.error()));
    }
    return assess(std::move(*facts), *rule);
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const AssessmentFormat format =
        context.json() ? AssessmentFormat::json : parse_assessment_format(arguments.format).value();
    if (const auto possible = check_output(format, arguments.output); !possible) {
        return tl::unexpected(possible.error()); // before the work
    }
    auto assessed = assess_month(arguments);
    if (!assessed) {
        return tl::unexpected(assessed.error());
    }
    // It is never given back: piece by piece that would take longer than the end of the process, which
    // follows.
    static const auto* const assessment = new MonthAssessment(std::move(*assessed));
    return render_assessment(*assessment, format, arguments.output, context.style()).map([] {
        return ExitCode::done;
    });
}

} // namespace

Run define_district_report(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("STORE", arguments->store, _("the district's store"))->required();
    command.add_option("MONTH", arguments->month, _("a month of China time, as 2026-04"))->required();
    command.add_option("--rule", arguments->rule_file,
                       _("the criteria's rules; without it, the notice of 2013"));
    command.add_option("--format", arguments->format, _("table, json, csv, xlsx or html"))
        ->check(CLI::IsMember(assessment_format_names()))
        ->capture_default_str();
    command.add_option("--output", arguments->output, _("write to this file"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
