// SPDX-License-Identifier: Apache-2.0
// A month's assessment as one HTML file that needs nothing else: no network, no script, no other file. In the
// reader's language; for the screen and for A4.
#pragma once

#include "daemon/core/assessment.hpp"
#include "tools/output_file.hpp"

namespace ukey::ctl {

/// Up to so many organisations every one has its calendar; of more, only those that have not met the
/// criterion.
constexpr std::size_t html_all_cards_max = 200;
/// Calendars and tasks in one file: what a browser still opens at once (about 3 KB a calendar). How many were
/// left out is said, and the spreadsheet has them all.
constexpr std::size_t html_cards_max = 1'000;
constexpr std::size_t html_tasks_max = 2'000;

void write_assessment_html(const MonthAssessment& assessment, OutputFile& output);

} // namespace ukey::ctl
