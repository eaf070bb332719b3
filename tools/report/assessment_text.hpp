// SPDX-License-Identifier: Apache-2.0
// A month's assessment as a table on a terminal, as CSV and as JSON, written row by row.
#pragma once

#include "daemon/core/assessment.hpp"
#include "tools/output_file.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

/// For people: each assessed unit with its organisations, then all together.
void write_assessment_table(const MonthAssessment& assessment, const Style& style, OutputFile& output);

/// UTF-8 with a byte order mark, one row an organisation, RFC 4180, no cell that is a formula.
void write_assessment_csv(const MonthAssessment& assessment, OutputFile& output);

/// docs/formats/assessment.md: {"rows": [ … ], …}, a row a line.
void write_assessment_json(const MonthAssessment& assessment, OutputFile& output);

} // namespace ukey::ctl
