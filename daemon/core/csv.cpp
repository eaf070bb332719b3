// SPDX-License-Identifier: Apache-2.0
// A parser of our own: no CSV library in Debian 12 reports the line of a row together with bounds on cells
// and rows.
#include "daemon/core/csv.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ukey {
namespace {

/// Parses one text. Positions move forward only, so the cost is linear, and a hostile file fails at its first
/// bound.
class CsvParser {
  public:
    explicit CsvParser(std::string_view text) : text_(text) {}

    Result<std::vector<CsvRow>> rows() {
        std::vector<CsvRow> rows;
        while (position_ < text_.size()) {
            if (skip_line_end()) {
                continue; // an empty line
            }
            Result<CsvRow> row = read_row();
            if (!row) {
                return tl::unexpected(std::move(row.error()));
            }
            rows.push_back(std::move(*row));
        }
        return rows;
    }

  private:
    Result<CsvRow> read_row() {
        CsvRow row;
        row.line = line_;
        for (;;) {
            if (row.cells.size() == csv_row_max_cells) {
                return error("csv.too_many_cells", line_,
                             "at most " + std::to_string(csv_row_max_cells) + " cells");
            }
            Result<std::string> cell = starts_with('"') ? read_quoted_cell() : read_plain_cell();
            if (!cell) {
                return tl::unexpected(std::move(cell.error()));
            }
            row.cells.push_back(std::move(*cell));
            if (position_ == text_.size() || skip_line_end()) {
                return row;
            }
            ++position_; // the comma: a cell ends at nothing else
        }
    }

    /// RFC 4180 §2.5: a cell that does not begin with a quote has none.
    Result<std::string> read_plain_cell() {
        const std::size_t begin = position_;
        while (position_ < text_.size() && text_[position_] != ',' && line_end_bytes() == 0) {
            if (text_[position_] == '"') {
                return error("csv.stray_quote", line_, "a quote inside a cell that does not begin with one");
            }
            if (++position_ - begin > csv_cell_max_bytes) {
                return cell_too_long(line_);
            }
        }
        return std::string(text_.substr(begin, position_ - begin));
    }

    /// RFC 4180 §2.5-2.7: anything up to the closing quote, a quote itself written twice.
    Result<std::string> read_quoted_cell() {
        const std::size_t first_line = line_;
        std::string cell;
        ++position_;
        for (;;) {
            if (position_ == text_.size()) {
                return error("csv.unclosed_quote", first_line, "the quote opened here is never closed");
            }
            const char character = text_[position_++];
            if (character == '"') {
                if (!starts_with('"')) {
                    break;
                }
                ++position_;
            } else if (character == '\n') {
                ++line_;
            }
            if (cell.size() == csv_cell_max_bytes) {
                return cell_too_long(first_line);
            }
            cell.push_back(character);
        }
        if (position_ < text_.size() && text_[position_] != ',' && line_end_bytes() == 0) {
            return error("csv.stray_quote", line_, "text after a closing quote");
        }
        return cell;
    }

    bool starts_with(char character) const {
        return position_ < text_.size() && text_[position_] == character;
    }

    /// 2 at CR LF, 1 at LF, 0 elsewhere (a lone CR is part of its cell).
    std::size_t line_end_bytes() const {
        if (text_[position_] == '\n') {
            return 1;
        }
        return text_[position_] == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n' ? 2
                                                                                                        : 0;
    }

    bool skip_line_end() {
        const std::size_t bytes = line_end_bytes();
        position_ += bytes;
        line_ += bytes > 0 ? 1 : 0;
        return bytes > 0;
    }

    static tl::unexpected<Error> cell_too_long(std::size_t line) {
        return error("csv.cell_too_long", line, "at most " + std::to_string(csv_cell_max_bytes) + " bytes");
    }

    static tl::unexpected<Error> error(std::string code, std::size_t line, std::string reason) {
        return fail(std::move(code), "read CSV", "line " + std::to_string(line), std::move(reason));
    }

    std::string_view text_;
    std::size_t position_ = 0;
    std::size_t line_ = 1;
};

/// Also the full-width forms: spreadsheets in East Asian locales take them for formulas (OWASP, CSV
/// Injection).
bool looks_like_formula(std::string_view value) {
    constexpr std::array<std::string_view, 10> starts = {"=",  "+",  "-",  "@",  "\t",
                                                         "\r", "＝", "＋", "－", "＠"};
    return std::ranges::any_of(starts, [value](std::string_view start) { return value.starts_with(start); });
}

} // namespace

Result<std::vector<CsvRow>> parse_csv(std::string_view text) {
    if (text.size() > csv_file_max_bytes) {
        return fail("csv.too_large", "read CSV", "line 1",
                    "at most " + std::to_string(csv_file_max_bytes) + " bytes");
    }
    return CsvParser(text).rows();
}

std::string csv_cell(std::string_view value) {
    std::string cell = looks_like_formula(value) ? "'" : "";
    cell.append(value);
    const bool needs_quotes = std::ranges::any_of(cell, [](char character) {
        return character == ',' || character == '"' || character == '\r' || character == '\n';
    });
    if (!needs_quotes) {
        return cell;
    }
    std::string quoted = "\"";
    quoted.reserve(2 * cell.size() + 2);
    for (std::size_t begin = 0; begin < cell.size();) {
        const std::size_t quote = std::min(cell.find('"', begin), cell.size());
        quoted.append(cell, begin, quote - begin);
        quoted.append(quote < cell.size() ? 2 : 0, '"');
        begin = quote + 1;
    }
    return quoted + '"';
}

std::string csv_line(const std::vector<std::string>& cells) {
    std::string line;
    for (const std::string& cell : cells) {
        if (&cell != &cells.front()) {
            line += ',';
        }
        line += csv_cell(cell);
    }
    return line + "\r\n";
}

} // namespace ukey
