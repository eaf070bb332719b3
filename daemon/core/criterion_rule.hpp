// SPDX-License-Identifier: Apache-2.0
// The rules of the monthly criteria in a period: rates, caps and counts are data (daemon/system/rules/), not
// constants. docs/formats/assessment.md §1 describes the file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/core/organisation.hpp"
#include "daemon/core/points.hpp"
#include "daemon/core/result.hpp"
#include "daemon/core/session.hpp"

namespace ukey {

/// What a broken percent of shortfall costs: its part, as much as a whole one, or nothing. The notice (差 1%
/// 扣 0.2 分) does not say.
enum class Rounding { proportional, started_percent, full_percent };
std::string_view to_string(Rounding rounding);

/// The notice names two targets of coverage and one rate: what the larger shortfall costs, or both.
enum class Combination { larger, sum };
std::string_view to_string(Combination combination);

/// Who answers for an organisation without a key: its `answered_for_by`, or, when that is empty, its superior
/// in the path; only `answered_for_by`; nobody.
enum class Delegation { superior, registry, none };
std::string_view to_string(Delegation delegation);

/// What each percent of shortfall costs, up to how much.
struct Deduction {
    Points per_percent;
    Points max;
    /// Points of the criterion, from which deductions are taken; nullopt: the rule names none.
    std::optional<Points> points;
};

struct CoverageRule {
    Deduction deduction;
    bool mobile_terminal_covers = true;
    /// 总支及以上, which have a target of their own.
    std::vector<OrganisationKind> senior_kinds;
    Combination combine = Combination::larger;
};

struct AdministratorsRule {
    Deduction deduction;
    std::vector<OrganisationKind> kinds; ///< organisations that must have one
};

struct LoginRule {
    Deduction deduction;
    std::vector<OrganisationKind> kinds; ///< organisations that must log in
    unsigned sessions_required = 1;      ///< a month
    std::vector<EvidenceGrade> grades;
    std::vector<std::string> applications; ///< file names of executables; empty: every application
    Delegation delegation = Delegation::superior;
    /// An organisation that was founded within the month must log in too.
    bool founded_within_month_required = false;
};

struct CriterionRule {
    std::string name;
    ChinaMonth valid_from;
    std::optional<ChinaMonth> valid_to; ///< inclusive; nullopt: until another rule replaces it
    Rounding rounding = Rounding::proportional;
    CoverageRule coverage;
    AdministratorsRule administrators;
    LoginRule login;
    std::string sha256; ///< of the file's bytes, hexadecimal; it names the rule in a report

    /// Error `rule.not_valid_then` for a month outside its validity.
    Result<void> check_valid_in(const ChinaMonth& month) const;

    /// Reads a rule file's text; errors as for the configuration, object "file:line".
    static Result<CriterionRule> parse(std::string_view file, std::string_view text);
    /// Reads the file; blocks.
    static Result<CriterionRule> load(const std::string& path);
    /// The rules of 2013.
    static const CriterionRule& built_in();
};

/// Does a session of these properties count? The private key was used in it at least once, by an application
/// that the rule allows, with evidence that the rule allows. `executable` is a path or a file name.
bool counts(std::uint64_t uses, EvidenceGrade grade, std::string_view executable, const CriterionRule& rule);
bool counts(const LoginSession& session, const CriterionRule& rule);

} // namespace ukey
