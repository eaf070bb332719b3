// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/assessment_json.hpp"

#include <algorithm>

namespace ukey {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr unsigned days_of_a_month_max = 31;

value or_null(const std::string& text) {
    return text.empty() ? value(nullptr) : value(text);
}

value or_null(const std::optional<Timestamp>& moment) {
    return moment ? value(format_timestamp(*moment)) : value(nullptr);
}

value or_null(const std::optional<ChinaDate>& date) {
    return date ? value(date->text()) : value(nullptr);
}

value or_null(const std::optional<Points>& points) {
    return points ? value(to_string(*points)) : value(nullptr);
}

array texts(const std::vector<std::string>& list) {
    return array(list.begin(), list.end());
}

template <typename Value>
array words(const std::vector<Value>& values) {
    array list;
    for (const Value entry : values) {
        list.push_back(value(to_string(entry)));
    }
    return list;
}

object view_organisation(const Organisation& organisation) {
    object view{{"code", organisation.code},
                {"path", texts(organisation.path)},
                {"name", organisation.name()},
                {"kind", to_string(organisation.kind)},
                {"key_required", organisation.key_required},
                {"mobile_terminal", organisation.mobile_terminal},
                {"answered_for_by", or_null(organisation.answered_for_by)},
                {"founded", or_null(organisation.founded)},
                {"dissolved", or_null(organisation.dissolved)},
                {"administrator", nullptr}};
    if (organisation.administrator) {
        view["administrator"] = object{{"name", organisation.administrator->name},
                                       {"mobile", organisation.administrator->mobile}};
    }
    return view;
}

array view_days(std::uint32_t days) {
    array view;
    for (unsigned day = 1; day <= days_of_a_month_max; ++day) {
        if ((days >> (day - 1) & 1U) != 0) {
            view.push_back(day);
        }
    }
    return view;
}

array view_evidence(const std::vector<LoginEvidenceRow>& evidence) {
    array view;
    for (const LoginEvidenceRow& row : evidence) {
        view.push_back(object{{"workstation", or_null(row.workstation)},
                              {"login", row.login},
                              {"key", or_null(row.key_id)},
                              {"started_at", format_timestamp(row.started)},
                              {"grade", to_string(row.grade)},
                              {"uses", row.uses}});
    }
    return view;
}

array view_doubts(const std::vector<Doubt>& doubts) {
    array view;
    for (const Doubt& doubt : doubts) {
        view.push_back(object{{"code", doubt.code},
                              {"workstation", or_null(doubt.workstation)},
                              {"from", format_timestamp(doubt.from)},
                              {"to", format_timestamp(doubt.to)}});
    }
    return view;
}

object view_deduction(const Deduction& deduction) {
    return {{"points", or_null(deduction.points)},
            {"deduction_per_percent", to_string(deduction.per_percent)},
            {"deduction_max", to_string(deduction.max)}};
}

object view_rule(const CriterionRule& rule) {
    object coverage = view_deduction(rule.coverage.deduction);
    coverage["mobile_terminal_covers"] = rule.coverage.mobile_terminal_covers;
    coverage["senior_kinds"] = words(rule.coverage.senior_kinds);
    coverage["combine"] = to_string(rule.coverage.combine);
    object administrators = view_deduction(rule.administrators.deduction);
    administrators["kinds"] = words(rule.administrators.kinds);
    object login = view_deduction(rule.login.deduction);
    login["kinds"] = words(rule.login.kinds);
    login["grades"] = words(rule.login.grades);
    login["applications"] = texts(rule.login.applications);
    login["delegation"] = to_string(rule.login.delegation);
    login["founded_within_month"] = rule.login.founded_within_month_required ? "required" : "not_required";
    return {{"name", rule.name},
            {"sha256", rule.sha256},
            {"valid_from", rule.valid_from.text()},
            {"valid_to", rule.valid_to ? value(rule.valid_to->text()) : value(nullptr)},
            {"rounding", to_string(rule.rounding)},
            {"sessions_required", rule.login.sessions_required},
            {"coverage", std::move(coverage)},
            {"administrators", std::move(administrators)},
            {"login", std::move(login)}};
}

object view_rate(const Rate& rate) {
    return {{"required", rate.required},
            {"fulfilled_min", rate.fulfilled_min},
            {"fulfilled_max", rate.fulfilled_max},
            {"deduction_min", to_string(rate.deduction_min)},
            {"deduction_max", to_string(rate.deduction_max)}};
}

/// Null when none is required: nothing of nothing is no percentage.
value percent_of(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) {
        return nullptr;
    }
    return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

object view_unit(const UnitAssessment& unit) {
    return {{"code", unit.code},
            {"name", unit.name},
            {"organisations", unit.organisations},
            {"met", unit.login.fulfilled_min},
            {"percent", percent_of(unit.login.fulfilled_min, unit.login.required)},
            {"coverage", view_rate(unit.coverage)},
            {"senior_coverage", view_rate(unit.senior_coverage)},
            {"administrators", view_rate(unit.administrators)},
            {"login", view_rate(unit.login)},
            {"coverage_deduction_min", to_string(unit.coverage_deduction_min)},
            {"coverage_deduction_max", to_string(unit.coverage_deduction_max)},
            {"deduction_min", to_string(unit.deduction_min)},
            {"deduction_max", to_string(unit.deduction_max)},
            {"score_min", or_null(unit.score_min)},
            {"score_max", or_null(unit.score_max)}};
}

object view_totals(const MonthAssessment& assessment) {
    using enum LoginStatus;
    object totals = view_unit(assessment.total);
    for (const LoginStatus status : {met, not_met, not_seen_here, cannot_tell, not_required}) {
        totals[to_string(status)] =
            std::ranges::count(assessment.organisations, status, &OrganisationAssessment::login);
    }
    return totals;
}

array view_ledgers(const std::vector<LedgerExtent>& ledgers) {
    array view;
    for (const LedgerExtent& ledger : ledgers) {
        view.push_back(object{{"workstation", or_null(ledger.workstation)},
                              {"name", ledger.name},
                              {"first_seq", ledger.first_seq},
                              {"last_seq", ledger.last_seq},
                              {"head", ledger.head},
                              {"vouched_until", format_timestamp(ledger.vouched_until)},
                              {"complete_month", ledger.complete_month}});
    }
    return view;
}

object view_basis(const MonthAssessment& assessment) {
    object basis{{"evidence", assessment.scope == AssessmentScope::workstation ? "seen_by_this_computer"
                                                                               : "seen_by_the_workstations"},
                 {"all_organisations", assessment.all_organisations},
                 {"registry_sha256", assessment.registry_sha256},
                 {"ledgers", view_ledgers(assessment.ledgers)}};
    if (assessment.scope == AssessmentScope::workstation && assessment.ledgers.size() == 1) {
        basis["ledger_seq"] = assessment.ledgers.front().last_seq;
        basis["ledger_head"] = assessment.ledgers.front().head;
    }
    return basis;
}

object view_conflict(const Conflict& conflict) {
    return {{"code", conflict.code},
            {"key", or_null(conflict.key_id)},
            {"organisations", texts(conflict.organisations)},
            {"workstations", texts(conflict.workstations)},
            {"time", format_timestamp(conflict.time)},
            {"detail", conflict.detail}};
}

} // namespace

array conflicts_json(const std::vector<Conflict>& conflicts) {
    array view;
    for (const Conflict& conflict : conflicts) {
        view.push_back(view_conflict(conflict));
    }
    return view;
}

object row_json(const OrganisationAssessment& row, const MonthAssessment& assessment) {
    return {{"organisation", view_organisation(row.organisation)},
            {"assessed_unit", row.organisation.assessed_unit},
            {"status", to_string(row.login)},
            {"counted_sessions", row.counted_sessions},
            {"required", assessment.rule.login.sessions_required},
            {"via", or_null(row.via)},
            {"last_login", or_null(row.last_login)},
            {"reason", row.reason},
            {"covered", to_string(row.covered)},
            {"administrator", to_string(row.administrator)},
            {"days", view_days(row.days)},
            {"evidence", view_evidence(row.evidence)},
            {"doubts", view_doubts(row.doubts)},
            {"platform_logins", row.platform_logins ? value(*row.platform_logins) : value(nullptr)}};
}

object summary_json(const MonthAssessment& assessment) {
    array units;
    for (const UnitAssessment& unit : assessment.units) {
        units.push_back(view_unit(unit));
    }
    return {{"month", assessment.month.text()},
            {"scope", to_string(assessment.scope)},
            {"rule", view_rule(assessment.rule)},
            {"units", std::move(units)},
            {"totals", view_totals(assessment)},
            {"basis", view_basis(assessment)},
            {"conflicts", conflicts_json(assessment.conflicts)}};
}

} // namespace ukey
