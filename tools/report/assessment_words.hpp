// SPDX-License-Identifier: Apache-2.0
// The words of a month's assessment, the same in every format: for people who know neither codes nor ledgers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/core/assessment.hpp"

namespace ukey::ctl {

/// "Assessment of U-Keys and logins, 2026-04".
std::string title_of(const MonthAssessment& assessment);

/// What every figure rests on: what this computer, or the workstations, saw; not the platform's own record.
std::string basis_of(AssessmentScope scope);
/// The same in a few words, for a column.
std::string short_basis_of(AssessmentScope scope);

/// That no ledger reaches to the month's end, which may not have come yet. Empty: one does, or there is none.
std::string unfinished_note(const MonthAssessment& assessment);

/// What a figure between "met" and "not met" is called: a workstation has not seen it, the district cannot
/// tell.
LoginStatus undecided_status(AssessmentScope scope);

/// "01 李渡街道党工委"; of the organisations under none a sentence.
std::string unit_title(const UnitAssessment& unit);
std::string unit_title(std::string_view code, std::string_view name);

/// Met, not met, cannot tell …, in the reader's language.
std::string status_word(LoginStatus status);
/// ✔ ✘ ? – beside it: colour is never the only sign.
std::string_view status_mark(LoginStatus status);
std::string covered_word(Covered covered);
std::string administrator_word(AdministratorState state);

/// Why the login criterion says what it says, as one sentence. An unknown code stays as it is.
std::string explain_reason(std::string_view code);

/// Workstations as people know them: by the name in the list of those enrolled, else by their fingerprint.
class WorkstationNames {
  public:
    explicit WorkstationNames(const std::vector<LedgerExtent>& ledgers);

    /// A name that is not there: the fingerprint's beginning; of an empty fingerprint "this computer".
    std::string name_of(const std::string& fingerprint) const;

  private:
    std::unordered_map<std::string, std::string> by_fingerprint_;
};

/// "2026-04-03 08:00 – 2026-04-04 09:30: the service was away …"; times of China.
std::string describe(const Doubt& doubt, const WorkstationNames& names);
std::string describe(const Conflict& conflict, const WorkstationNames& names);

/// Hundredths of a percent, rounded half up; 10000 only if nothing is missing.
std::uint64_t percent_hundredths(std::uint64_t part, std::uint64_t whole);
/// "98.50"
std::string percent_text(std::uint64_t hundredths);
/// "98.50", "95.00–98.50" where the two ends differ, or "–" where nothing is asked for.
std::string percent_range(const Rate& rate);
/// "0.35", or "0.35–0.70".
std::string points_range(Points least, Points most);

/// "3, 7, 12" of the bits of OrganisationAssessment::days.
std::string days_text(std::uint32_t days);

/// "08d1…" with at most `digits`, for places where a whole fingerprint does not fit.
std::string shortened(std::string_view hexadecimal, std::size_t digits = 12);

/// Rounding, rates and caps of a rule, a line each.
std::vector<std::string> rule_lines(const CriterionRule& rule);

} // namespace ukey::ctl
