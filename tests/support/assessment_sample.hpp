// SPDX-License-Identifier: Apache-2.0
// Assessments of a month as the reports' tests need them, written down by hand: nothing of it comes from
// assess().
#pragma once

#include <cstddef>

#include "daemon/core/assessment.hpp"

namespace ukey::test {

/// No organisation, no unit, no ledger.
MonthAssessment empty_assessment(AssessmentScope scope);

/// A workstation's or the district's view of `organisations` organisations, spread over the 50 assessed
/// units; each status and reason occurs from twelve on. April 2026. The first ones have names that are
/// dangerous in files: markup, formulas, leading zeros, quotes, a very long name.
MonthAssessment sample_assessment(AssessmentScope scope, std::size_t organisations);

} // namespace ukey::test
