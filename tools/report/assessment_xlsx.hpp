// SPDX-License-Identifier: Apache-2.0
// A month's assessment as a spreadsheet: summary, assessed units, organisations, what is to be done, the
// evidence and the doubts, charts, ledgers. In the reader's language.
#pragma once

#include <string>

#include "daemon/core/assessment.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

/// More organisations than these are written through temporary files, and not held in memory. Smaller files
/// have the charts' figures beside the charts too, for programs that only show files.
constexpr std::size_t xlsx_in_memory_organisations_max = 20'000;

/// Writes the file `path` (in place). The same assessment and language give the same bytes. Error
/// `file.unwritable`. Blocks.
Outcome<void> write_assessment_xlsx(const MonthAssessment& assessment, const std::string& path);

} // namespace ukey::ctl
