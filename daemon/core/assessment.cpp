// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/assessment.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <tuple>

#include "daemon/core/answering.hpp"
#include "daemon/core/assessed_units.hpp"
#include "daemon/core/deduction.hpp"

namespace ukey {
namespace {

bool has_kind(const std::vector<OrganisationKind>& kinds, const Organisation& organisation) {
    return std::ranges::find(kinds, organisation.kind) != kinds.end();
}

/// A binding may be in a ledger that has not been read.
bool may_have_unseen_key(const OrganisationFacts& facts, AssessmentScope scope) {
    return scope == AssessmentScope::workstation || std::ranges::any_of(facts.doubts, [](const Doubt& doubt) {
               return doubt.code.starts_with("workstation.");
           });
}

Covered judge_coverage(const OrganisationFacts& facts, AssessmentScope scope, const CriterionRule& rule) {
    if (!facts.organisation.key_required) {
        return Covered::not_required;
    }
    if (facts.keys > 0) {
        return Covered::key;
    }
    if (facts.organisation.mobile_terminal && rule.coverage.mobile_terminal_covers) {
        return Covered::mobile_terminal;
    }
    return may_have_unseen_key(facts, scope) ? Covered::cannot_tell : Covered::no;
}

AdministratorState judge_administrator(const Organisation& organisation, const CriterionRule& rule) {
    if (!organisation.key_required || !has_kind(rule.administrators.kinds, organisation)) {
        return AdministratorState::not_required;
    }
    if (!organisation.administrator || organisation.administrator->name.empty()) {
        return AdministratorState::missing;
    }
    return is_valid_mobile(organisation.administrator->mobile) ? AdministratorState::known
                                                               : AdministratorState::bad_mobile;
}

/// Why no login is asked of it; empty: one is.
std::string_view exemption(const Organisation& organisation, const ChinaMonth& month, const LoginRule& rule) {
    if (!has_kind(rule.kinds, organisation)) {
        return "kind";
    }
    if (!organisation.key_required && organisation.assessed_unit.empty()) {
        return "not_assessed";
    }
    const bool is_new = organisation.founded && organisation.founded->begin() >= month.begin();
    return is_new && !rule.founded_within_month_required ? "founded_within_month" : "";
}

/// The login criterion, organisation by organisation.
class LoginJudge {
  public:
    LoginJudge(const MonthFacts& facts, const CriterionRule& rule)
        : facts_(facts), rule_(rule.login), begin_(facts.month.begin()), answering_(facts, rule) {}

    void judge(const OrganisationFacts& facts, OrganisationAssessment& result) const {
        for (const LoginEvidenceRow& session : facts.sessions) {
            count(session, result);
        }
        const std::string_view exempt = exemption(facts.organisation, facts_.month, rule_);
        if (!exempt.empty()) {
            result.login = LoginStatus::not_required;
            result.reason = exempt;
        } else if (is_enough(result)) {
            result.login = LoginStatus::met;
            result.reason = "own_logins";
        } else {
            ask_others(facts, result);
        }
    }

  private:
    void count(const LoginEvidenceRow& session, OrganisationAssessment& result) const {
        ++result.counted_sessions;
        const auto day = std::chrono::floor<std::chrono::days>(session.started - begin_).count();
        result.days |= std::uint32_t{1} << static_cast<unsigned>(day);
        result.last_login = std::max(result.last_login.value_or(session.started), session.started);
    }

    bool is_enough(const OrganisationAssessment& result) const {
        return result.counted_sessions >= rule_.sessions_required;
    }

    /// Adds what those have done who answer for it, one after the other until it is enough.
    void ask_others(const OrganisationFacts& facts, OrganisationAssessment& result) const {
        const std::vector<Deputy> deputies = answering_.deputies_of(facts);
        std::uint64_t doubtful = 0;
        for (const Deputy& deputy : deputies) {
            const auto sessions = deputy.sessions();
            for (const LoginEvidenceRow* session : sessions) {
                count(*session, result);
                result.evidence.push_back(*session);
                doubtful += may_have_had_key(facts, session->started) ? 1 : 0;
            }
            if (result.counted_sessions - doubtful >= rule_.sessions_required) {
                result.login = LoginStatus::met;
                result.reason = "answered_for";
                result.via = deputy.facts->organisation.code;
                return;
            }
        }
        if (facts_.scope == AssessmentScope::workstation) {
            result.login = LoginStatus::not_seen_here;
            result.reason = "too_few_logins_seen_here";
        } else {
            weigh_doubts(facts, deputies, result);
        }
    }

    /// Nobody answers for an organisation that has a key. That none is known says little while a workstation
    /// that may know of one is silent.
    static bool may_have_had_key(const OrganisationFacts& facts, Timestamp moment) {
        return facts.organisation.key_required && std::ranges::any_of(facts.doubts, [&](const Doubt& doubt) {
                   return doubt.code.starts_with("workstation.") && doubt.from <= moment && moment < doubt.to;
               });
    }

    /// A login of those who had to log in may have gone unseen: then nobody can tell.
    void weigh_doubts(const OrganisationFacts& facts, const std::vector<Deputy>& deputies,
                      OrganisationAssessment& result) const {
        result.doubts = facts.doubts;
        add_unseen(facts, {{facts_.month.begin(), facts_.month.end()}}, result);
        for (const Deputy& deputy : deputies) {
            for (const Doubt* doubt : deputy.doubts()) {
                result.doubts.push_back(*doubt);
            }
            add_unseen(*deputy.facts, deputy.parts, result);
        }
        result.login = result.doubts.empty() ? LoginStatus::not_met : LoginStatus::cannot_tell;
        result.reason = result.doubts.empty() ? "too_few_logins" : result.doubts.front().code;
    }

    void add_unseen(const OrganisationFacts& facts, const std::vector<TimeSpan>& within,
                    OrganisationAssessment& result) const {
        for (const auto& part : answering_.unseen_parts(facts, within)) {
            result.doubts.push_back({"logins.by_mobile_terminal", "", part.from, part.to});
        }
    }

    const MonthFacts& facts_;
    const LoginRule& rule_;
    Timestamp begin_;
    Answering answering_;
};

/// What an organisation shows for itself, with what it was answered for by: of all of them the first rows.
void give_evidence(OrganisationFacts& facts, OrganisationAssessment& result) {
    const auto by_time = [](const LoginEvidenceRow& row) {
        return std::tie(row.started, row.workstation, row.login);
    };
    std::vector<LoginEvidenceRow>& evidence = result.evidence;
    if (evidence.empty()) {
        evidence = std::move(facts.sessions); // most have only these, and there are a million of them
    } else {
        evidence.insert(evidence.end(), std::move_iterator(facts.sessions.begin()),
                        std::move_iterator(facts.sessions.end()));
    }
    if (!std::ranges::is_sorted(evidence, {}, by_time)) {
        std::ranges::sort(evidence, {}, by_time);
    }
    if (evidence.size() > evidence_rows_max) {
        evidence.resize(evidence_rows_max);
        evidence.shrink_to_fit();
    }
}

void add(Rate& rate, bool fulfilled, bool perhaps) {
    ++rate.required;
    rate.fulfilled_min += fulfilled ? 1 : 0;
    rate.fulfilled_max += fulfilled || perhaps ? 1 : 0;
}

void add(UnitAssessment& unit, const OrganisationAssessment& result, const CriterionRule& rule) {
    ++unit.organisations;
    if (result.covered != Covered::not_required) {
        const bool covered = result.covered == Covered::key || result.covered == Covered::mobile_terminal;
        const bool perhaps = result.covered == Covered::cannot_tell;
        add(unit.coverage, covered, perhaps);
        if (has_kind(rule.coverage.senior_kinds, result.organisation)) {
            add(unit.senior_coverage, covered, perhaps);
        }
    }
    if (result.administrator != AdministratorState::not_required) {
        add(unit.administrators, result.administrator == AdministratorState::known, false);
    }
    if (result.login != LoginStatus::not_required) {
        const bool perhaps =
            result.login == LoginStatus::cannot_tell || result.login == LoginStatus::not_seen_here;
        add(unit.login, result.login == LoginStatus::met, perhaps);
    }
}

Shortfall least(const Rate& rate) {
    return {rate.required - rate.fulfilled_max, rate.required};
}

Shortfall most(const Rate& rate) {
    return {rate.required - rate.fulfilled_min, rate.required};
}

void deduct(Rate& rate, const Deduction& deduction, Rounding rounding) {
    rate.deduction_min = cost_of(least(rate), deduction, rounding);
    rate.deduction_max = cost_of(most(rate), deduction, rounding);
}

void deduct_coverage(UnitAssessment& unit, const CoverageRule& rule, Rounding rounding) {
    deduct(unit.coverage, rule.deduction, rounding);
    deduct(unit.senior_coverage, rule.deduction, rounding);
    switch (rule.combine) {
    case Combination::larger:
        unit.coverage_deduction_min =
            std::max(unit.coverage.deduction_min, unit.senior_coverage.deduction_min);
        unit.coverage_deduction_max =
            std::max(unit.coverage.deduction_max, unit.senior_coverage.deduction_max);
        break;
    case Combination::sum:
        unit.coverage_deduction_min =
            cost_of(least(unit.coverage), least(unit.senior_coverage), rule.deduction, rounding);
        unit.coverage_deduction_max =
            cost_of(most(unit.coverage), most(unit.senior_coverage), rule.deduction, rounding);
        break;
    }
}

/// Adds what is left of the criterion's points, when the rule names any. No criterion falls below zero.
void score(UnitAssessment& unit, const Deduction& deduction, Points deduction_min, Points deduction_max) {
    unit.deduction_min.hundredths += deduction_min.hundredths;
    unit.deduction_max.hundredths += deduction_max.hundredths;
    if (!deduction.points) {
        return;
    }
    const auto add_rest = [&](std::optional<Points>& sum, Points taken) {
        const std::int64_t rest = std::max<std::int64_t>(deduction.points->hundredths - taken.hundredths, 0);
        sum = Points{sum.value_or(Points{}).hundredths + rest};
    };
    add_rest(unit.score_min, deduction_max);
    add_rest(unit.score_max, deduction_min);
}

void settle(UnitAssessment& unit, const CriterionRule& rule) {
    deduct_coverage(unit, rule.coverage, rule.rounding);
    deduct(unit.administrators, rule.administrators.deduction, rule.rounding);
    deduct(unit.login, rule.login.deduction, rule.rounding);
    score(unit, rule.coverage.deduction, unit.coverage_deduction_min, unit.coverage_deduction_max);
    score(unit, rule.administrators.deduction, unit.administrators.deduction_min,
          unit.administrators.deduction_max);
    score(unit, rule.login.deduction, unit.login.deduction_min, unit.login.deduction_max);
}

void assess_units(MonthAssessment& assessment) {
    assessment.units.clear();
    assessment.total = {};
    std::map<std::string, UnitAssessment> units;
    for (const OrganisationAssessment& result : assessment.organisations) {
        add(units[result.organisation.assessed_unit], result, assessment.rule);
        add(assessment.total, result, assessment.rule);
    }
    for (auto& [code, unit] : units) {
        unit.code = code;
        unit.name = assessed_unit_name(code);
        settle(unit, assessment.rule);
        assessment.units.push_back(std::move(unit));
    }
    if (!assessment.units.empty() && assessment.units.front().code.empty()) {
        std::ranges::rotate(assessment.units, assessment.units.begin() + 1);
    }
    settle(assessment.total, assessment.rule);
}

} // namespace

std::string_view to_string(AssessmentScope scope) {
    switch (scope) {
    case AssessmentScope::workstation:
        return "workstation";
    case AssessmentScope::district:
        return "district";
    }
    return "workstation";
}

std::string_view to_string(Covered covered) {
    switch (covered) {
    case Covered::key:
        return "key";
    case Covered::mobile_terminal:
        return "mobile_terminal";
    case Covered::no:
        return "no";
    case Covered::cannot_tell:
        return "cannot_tell";
    case Covered::not_required:
        return "not_required";
    }
    return "no";
}

std::string_view to_string(AdministratorState state) {
    switch (state) {
    case AdministratorState::known:
        return "known";
    case AdministratorState::missing:
        return "missing";
    case AdministratorState::bad_mobile:
        return "bad_mobile";
    case AdministratorState::not_required:
        return "not_required";
    }
    return "missing";
}

std::string_view to_string(LoginStatus status) {
    switch (status) {
    case LoginStatus::met:
        return "met";
    case LoginStatus::not_met:
        return "not_met";
    case LoginStatus::not_seen_here:
        return "not_seen_here";
    case LoginStatus::cannot_tell:
        return "cannot_tell";
    case LoginStatus::not_required:
        return "not_required";
    }
    return "not_met";
}

MonthAssessment assess(MonthFacts facts, const CriterionRule& rule) {
    MonthAssessment assessment{.month = facts.month,
                               .scope = facts.scope,
                               .all_organisations = true,
                               .rule = rule,
                               .organisations = {},
                               .units = {},
                               .total = {},
                               .ledgers = std::move(facts.ledgers),
                               .registry_sha256 = std::move(facts.registry_sha256),
                               .conflicts = std::move(facts.conflicts)};
    assessment.organisations.resize(facts.organisations.size());
    // Organisations answer for one another: all are judged before any of their facts moves away.
    const LoginJudge judge(facts, rule);
    for (std::size_t index = 0; index < facts.organisations.size(); ++index) {
        const OrganisationFacts& organisation = facts.organisations[index];
        OrganisationAssessment& result = assessment.organisations[index];
        result.covered = judge_coverage(organisation, facts.scope, rule);
        result.administrator = judge_administrator(organisation.organisation, rule);
        judge.judge(organisation, result);
    }
    for (std::size_t index = 0; index < facts.organisations.size(); ++index) {
        OrganisationFacts& organisation = facts.organisations[index];
        OrganisationAssessment& result = assessment.organisations[index];
        give_evidence(organisation, result);
        if (result.doubts.empty()) {
            result.doubts = std::move(organisation.doubts);
        }
        result.platform_logins = organisation.platform_logins;
        result.organisation = std::move(organisation.organisation);
    }
    assess_units(assessment);
    return assessment;
}

void restrict_to(MonthAssessment& assessment, const std::set<std::string>& codes) {
    std::erase_if(assessment.organisations, [&](const OrganisationAssessment& result) {
        return !codes.contains(result.organisation.code);
    });
    assessment.all_organisations = false;
    assess_units(assessment);
}

} // namespace ukey
