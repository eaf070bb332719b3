// SPDX-License-Identifier: Apache-2.0
// CSV as RFC 4180 has it, with line numbers for messages and bounds against hostile files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/result.hpp"

namespace ukey {

/// A name is at most some hundred bytes; a path of ten names still fits a cell.
constexpr std::size_t csv_cell_max_bytes = 4096;
constexpr std::size_t csv_row_max_cells = 64;
/// 120,000 organisations (a whole city) at 400 bytes a row are 48 MB.
constexpr std::size_t csv_file_max_bytes = std::size_t{128} * 1024 * 1024;

struct CsvRow {
    /// Line of the file on which the row begins, from 1.
    std::size_t line = 0;
    std::vector<std::string> cells;
};

/// All rows, empty lines left out. `text` is UTF-8. Errors `csv.cell_too_long`, `csv.too_many_cells`,
/// `csv.unclosed_quote`, `csv.stray_quote`, `csv.too_large`, with object "line N" (lines of the file, also
/// inside quotes). CR LF, LF, and quotes doubled inside quotes are understood.
Result<std::vector<CsvRow>> parse_csv(std::string_view text);

/// One cell as it is to be written: quoted where needed, and a cell that a spreadsheet would take for a
/// formula (first character = + - @, also full-width, tab or CR) gets an apostrophe in front.
std::string csv_cell(std::string_view value);

/// Cells joined by commas and ended by CR LF.
std::string csv_line(const std::vector<std::string>& cells);

/// What Excel needs in front to read UTF-8.
constexpr std::string_view utf8_byte_order_mark = "\xEF\xBB\xBF";

} // namespace ukey
