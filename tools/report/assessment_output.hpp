// SPDX-License-Identifier: Apache-2.0
// A month's assessment in the format that was asked for: one entry for `report month` and `district report`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/assessment.hpp"
#include "tools/failure.hpp"
#include "tools/output_file.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

enum class AssessmentFormat { table, json, csv, xlsx, html };

/// "table", "json", "csv", "xlsx", "html": for --format.
const std::vector<std::string>& assessment_format_names();
std::optional<AssessmentFormat> parse_assessment_format(std::string_view name);

/// Writes it all to `output`, which the caller commits. Errors `file.unwritable` (also of the temporary file
/// that a spreadsheet is made in), or what commit() says. Row by row: neither text nor JSON is in memory as a
/// whole. Blocks.
Outcome<void> write_assessment(const MonthAssessment& assessment, AssessmentFormat format, const Style& style,
                               OutputFile& output);

/// Can it go there? `usage.arguments` for a spreadsheet to a terminal (an empty `path` is standard output).
Outcome<void> check_output(AssessmentFormat format, const std::string& path);

/// To the file `path`, or to standard output when it is empty; `style` is for a table on a terminal. Errors
/// `file.unwritable`, and `usage.arguments` for a spreadsheet to a terminal.
Outcome<void> render_assessment(const MonthAssessment& assessment, AssessmentFormat format,
                                const std::string& path, const Style& style);

} // namespace ukey::ctl
