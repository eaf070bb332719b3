// SPDX-License-Identifier: Apache-2.0
// The criteria of one month: what is known of every organisation, what the rule makes of it, and the points
// of every assessed unit. No storage and no output in it: a workstation and the district fill in MonthFacts,
// everything that prints reads MonthAssessment.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/core/criterion_rule.hpp"
#include "daemon/core/organisation.hpp"
#include "daemon/core/points.hpp"
#include "daemon/core/session.hpp"
#include "daemon/core/shared_text.hpp"

namespace ukey {

/// Who assesses. A workstation knows its own keys only: what it has not seen may have happened elsewhere.
enum class AssessmentScope { workstation, district };
std::string_view to_string(AssessmentScope scope);

/// A login session that counts, as a report shows it.
struct LoginEvidenceRow {
    SharedText workstation; ///< fingerprint; empty: this computer
    std::string login;      ///< the session's id
    std::string key_id;
    Timestamp started{};
    EvidenceGrade grade = EvidenceGrade::observed;
    std::uint64_t uses = 0;
};

/// Why a login of an organisation could have happened unseen, or its month cannot be told.
struct Doubt {
    /// `workstation.missing`, `workstation.incomplete`, `coverage.service_away`, `coverage.filter_version`,
    /// `coverage.pin_state`, `coverage.modules_changed`, `clock.uncertain`, `logins.by_mobile_terminal` …;
    /// docs/formats/assessment.md has all.
    std::string code;
    std::string workstation; ///< fingerprint; empty: none in particular
    Timestamp from{};        ///< within the month
    Timestamp to{};
};

/// How many rows of evidence a report shows of one organisation; the counts are of all.
constexpr std::size_t evidence_rows_max = 40;

/// What is known of one organisation in the month, before any rule.
struct OrganisationFacts {
    Organisation organisation; ///< as it was at the month's end
    unsigned keys = 0;         ///< bound to it at the month's end
    /// Parts of the month in which it had no key; a superior's logins within them may count for it. One part
    /// that is the month: it had none.
    std::vector<TimeSpan> without_key;
    std::vector<LoginEvidenceRow> sessions; ///< that count by the rule, by their start
    std::vector<Doubt> doubts;              ///< by their beginning
    /// The platform's or the VPN's own records of logins in the month, where the office has them: a second
    /// kind of evidence, never added to the first. nullopt: there are none for this month.
    std::optional<std::uint64_t> platform_logins;
};

/// Whose ledger was read, and how far.
struct LedgerExtent {
    std::string workstation; ///< fingerprint; empty: this computer
    std::string name;
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::string head;            ///< 64 hexadecimal digits, of last_seq
    Timestamp vouched_until{};   ///< of the newest checkpoint or record
    bool complete_month = false; ///< it reaches over the whole month without a hole
};

/// What no workstation sees alone.
struct Conflict {
    /// `conflict.key_with_two_organisations`, `conflict.key_on_two_computers`, `bundle.fork`,
    /// `bundle.restored`, `bundle.cut_tail`, `bundle.gap`.
    std::string code;
    std::string key_id;                     ///< empty: not of a key
    std::vector<std::string> organisations; ///< codes
    std::vector<std::string> workstations;  ///< fingerprints
    Timestamp time{};
    std::string detail; ///< English, for people who look into it
};

struct MonthFacts {
    ChinaMonth month;
    AssessmentScope scope = AssessmentScope::workstation;
    std::vector<OrganisationFacts> organisations; ///< those that exist at the month's end, by path
    std::vector<LedgerExtent> ledgers;
    std::string registry_sha256; ///< docs/formats/ledger.md §5, over the organisations in force; hexadecimal
    std::vector<Conflict> conflicts;
};

/// At the month's end. `cannot_tell`: no key is known, but one may be bound where nobody has looked: on
/// another computer (scope workstation), or on one whose ledger is missing (a doubt `workstation.*`).
enum class Covered { key, mobile_terminal, no, cannot_tell, not_required };
enum class AdministratorState { known, missing, bad_mobile, not_required };
/// `not_required`: the criterion does not ask for it; `reason` says why.
enum class LoginStatus { met, not_met, not_seen_here, cannot_tell, not_required };
std::string_view to_string(Covered covered);
std::string_view to_string(AdministratorState state);
std::string_view to_string(LoginStatus status);

struct OrganisationAssessment {
    Organisation organisation;
    Covered covered = Covered::no;
    AdministratorState administrator = AdministratorState::missing;
    LoginStatus login = LoginStatus::not_met;
    /// Why. met: `own_logins`, `answered_for`; not_met: `too_few_logins`; not_seen_here:
    /// `too_few_logins_seen_here`; not_required: `kind`, `founded_within_month`, `not_assessed` (it needs no
    /// key and is under no assessed unit: it is there for its place in the paths); cannot_tell: a doubt's
    /// code.
    std::string reason;
    unsigned counted_sessions = 0;          ///< its own, and what it was answered for by
    std::string via;                        ///< code of the superior whose logins met it; empty: none
    std::uint32_t days = 0;                 ///< bit n - 1: a counted login on day n of the month (China time)
    std::optional<Timestamp> last_login;    ///< of the counted ones
    std::vector<LoginEvidenceRow> evidence; ///< at most evidence_rows_max
    std::vector<Doubt> doubts;              ///< its own, and of those who answer for it
    std::optional<std::uint64_t> platform_logins;
};

/// A part of a whole, and the points that its shortfall costs. Where something cannot be told `fulfilled`
/// lies between two numbers, and so do the points.
struct Rate {
    std::uint64_t required = 0;      ///< organisations that the criterion asks of
    std::uint64_t fulfilled_min = 0; ///< fulfilled for certain
    std::uint64_t fulfilled_max = 0; ///< and with those that cannot be told (or were not seen here)
    Points deduction_min;            ///< if all that cannot be told fulfil it
    Points deduction_max;
};

struct UnitAssessment {
    std::string code; ///< "01" … "50"; empty: organisations under none. Of the total: empty too
    std::string name;
    std::uint64_t organisations = 0;
    Rate coverage;        ///< of all
    Rate senior_coverage; ///< of general branches and above (总支及以上); its deduction is in `coverage_*`
                          ///< below
    Rate administrators;
    Rate login;
    /// What the coverage criterion costs by the rule's `combine`, capped.
    Points coverage_deduction_min, coverage_deduction_max;
    /// Of all three.
    Points deduction_min, deduction_max;
    /// Points of the criteria for which the rule names any, less their deductions; nullopt: it names none.
    std::optional<Points> score_min, score_max;
};

struct MonthAssessment {
    ChinaMonth month;
    AssessmentScope scope = AssessmentScope::workstation;
    bool all_organisations = true; ///< false: only those that the caller may see
    CriterionRule rule;
    std::vector<OrganisationAssessment> organisations; ///< in the facts' order
    std::vector<UnitAssessment> units;                 ///< by code; the one under none last
    UnitAssessment total;
    std::vector<LedgerExtent> ledgers;
    std::string registry_sha256;
    std::vector<Conflict> conflicts;
};

/// Applies the rule. The same facts and rule give the same assessment.
MonthAssessment assess(MonthFacts facts, const CriterionRule& rule);

/// Keeps the organisations of these codes only, and reckons units and total anew of them.
void restrict_to(MonthAssessment& assessment, const std::set<std::string>& codes);

} // namespace ukey
