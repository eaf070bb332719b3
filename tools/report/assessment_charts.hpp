// SPDX-License-Identifier: Apache-2.0
// The charts of the spreadsheet: each criterion over all assessed units, and each unit's three criteria.
#pragma once

#include <string>

#include "daemon/core/assessment.hpp"
#include "tools/report/workbook.hpp"

namespace ukey::ctl {

/// One bar a unit, in parts: fulfilled, undecided, not fulfilled. The figures are in the sheet `units`, rows
/// from the second on, in the column `first_column` and the two after it. Placed in `sheet` at `row` and
/// `column`.
struct CriterionChart {
    std::string title;
    std::string units_sheet;
    std::uint16_t first_column = 0;
    std::size_t units = 0;
};
void add_criterion_chart(Workbook& book, lxw_worksheet* sheet, std::uint32_t row, std::uint16_t column,
                         const CriterionChart& chart, AssessmentScope scope);

/// A sheet with a small table and a chart for every assessed unit, and one for all together.
void add_charts_sheet(Workbook& book, const MonthAssessment& assessment);

} // namespace ukey::ctl
