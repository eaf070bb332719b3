// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/registry_file.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <utf8proc.h>

#include "daemon/core/assessed_units.hpp"
#include "daemon/core/csv.hpp"
#include "daemon/core/text.hpp"

namespace ukey {
namespace {

/// What nobody can see in a name, and so nobody could compare: controls, format and other ignorable
/// characters, line separators, and the mark of an earlier decoding error.
bool is_forbidden_in_text(utf8proc_int32_t code_point) {
    if ((code_point >= 0x20 && code_point < 0x7F) || (code_point >= 0x4E00 && code_point <= 0x9FFF)) {
        return false;
    }
    if (code_point == 0xFFFD || utf8proc_get_property(code_point)->ignorable) {
        return true;
    }
    switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return false;
    }
}

std::optional<utf8proc_int32_t> first_forbidden_code_point(std::string_view text) {
    while (!text.empty()) {
        utf8proc_int32_t code_point = 0;
        const utf8proc_ssize_t bytes =
            utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                             static_cast<utf8proc_ssize_t>(text.size()), &code_point);
        if (bytes <= 0) {
            return 0xFFFD;
        }
        if (is_forbidden_in_text(code_point)) {
            return code_point;
        }
        text.remove_prefix(static_cast<std::size_t>(bytes));
    }
    return std::nullopt;
}

std::optional<bool> parse_yes_no(std::string_view text) {
    const std::string folded = fold_for_suggestion(text);
    for (const std::string_view yes : {"是", "yes", "true", "1", "有"}) {
        if (folded == yes) {
            return true;
        }
    }
    for (const std::string_view no : {"否", "no", "false", "0", "无"}) {
        if (folded == fold_for_suggestion(no)) {
            return false;
        }
    }
    return std::nullopt;
}

/// "1.38E+10": what a spreadsheet makes of a long number, whose digits are lost.
bool is_scientific_notation(std::string_view text) {
    const std::size_t exponent = text.find_first_of("eE");
    if (exponent == 0 || exponent == std::string_view::npos) {
        return false;
    }
    const auto only = [](std::string_view part, std::string_view allowed) {
        return !part.empty() && part.find_first_not_of(allowed) == std::string_view::npos;
    };
    return only(text.substr(0, exponent), "0123456789.") && text.substr(exponent + 1).starts_with('+') &&
           only(text.substr(exponent + 2), "0123456789");
}

/// A date as offices and spreadsheets write it: 2013-04-01, 2013/4/1, 2013.4.1 or 2013年4月1日.
std::optional<ChinaDate> parse_date(std::string_view text) {
    struct Form {
        std::string_view after_year, after_month, after_day;
    };
    constexpr std::array forms{Form{"-", "-", ""}, Form{"/", "/", ""}, Form{".", ".", ""},
                               Form{"年", "月", "日"}};
    for (const auto& [after_year, after_month, after_day] : forms) {
        const std::size_t year_end = text.find(after_year);
        const std::size_t month_end = text.find(after_month, year_end == text.npos ? year_end : year_end + 1);
        if (month_end == text.npos || !text.ends_with(after_day)) {
            continue;
        }
        const std::size_t month_begin = year_end + after_year.size();
        const std::size_t day_begin = month_end + after_month.size();
        const auto date = ChinaDate::parse(fmt::format(
            "{}-{:0>2}-{:0>2}", text.substr(0, year_end), text.substr(month_begin, month_end - month_begin),
            text.substr(day_begin, text.size() - after_day.size() - day_begin)));
        return date ? std::optional(*date) : std::nullopt;
    }
    return std::nullopt;
}

/// Reads one file: where its columns are, then row by row.
class RegistryReader {
  public:
    explicit RegistryReader(std::string_view file) : file_(file) { positions_.fill(absent); }

    Result<void> read_header(const CsvRow& header) {
        line_ = header.line;
        for (std::size_t position = 0; position < header.cells.size(); ++position) {
            const std::optional<std::size_t> column = find_column(header.cells[position]);
            if (!column) {
                continue; // a column of somebody else's
            }
            if (positions_.at(*column) != absent) {
                return bad_cell(static_cast<RegistryField>(*column), "there are two columns of this name");
            }
            positions_.at(*column) = position;
        }
        for (std::size_t column = 0; column < registry_columns.size(); ++column) {
            if (registry_columns.at(column).required && positions_.at(column) == absent) {
                return fail("registry.missing_column", context, registry_place(file_, line_),
                            registry_field_name(static_cast<RegistryField>(column)));
            }
        }
        return {};
    }

    Result<RegistryRow> read_row(const CsvRow& row) {
        line_ = row.line;
        cells_ = &row.cells;
        RegistryRow read{row.line, {}};
        Organisation& organisation = read.organisation;
        Result<void> done = read_path(organisation.path);
        if (done) {
            done = read_code(organisation.code);
        }
        if (done) {
            done = read_kind(organisation.kind);
        }
        if (done) {
            done = read_assessed_unit(organisation.assessed_unit);
        }
        if (done) {
            done = read_yes_no(RegistryField::key_required, organisation.key_required);
        }
        if (done) {
            done = read_yes_no(RegistryField::mobile_terminal, organisation.mobile_terminal);
        }
        if (done) {
            done = read_text(RegistryField::answered_for_by, organisation.answered_for_by);
        }
        if (done) {
            done = read_administrator(organisation.administrator);
        }
        if (done) {
            done = read_date(RegistryField::founded, organisation.founded);
        }
        if (done) {
            done = read_date(RegistryField::dissolved, organisation.dissolved);
        }
        if (done && organisation.founded && organisation.dissolved &&
            *organisation.dissolved < *organisation.founded) {
            done = bad_cell(RegistryField::dissolved, "is before the day of founding");
        }
        if (!done) {
            return tl::unexpected(std::move(done.error()));
        }
        return read;
    }

  private:
    static constexpr std::size_t absent = csv_row_max_cells;
    static constexpr const char* context = "read the registry";

    static std::optional<std::size_t> find_column(std::string_view title) {
        const std::string folded = fold_for_suggestion(title);
        for (std::size_t column = 0; column < registry_columns.size(); ++column) {
            if (folded == fold_for_suggestion(registry_columns.at(column).english) ||
                folded == fold_for_suggestion(registry_columns.at(column).chinese)) {
                return column;
            }
        }
        return std::nullopt;
    }

    tl::unexpected<Error> bad_cell(RegistryField field, std::string_view reason) const {
        return fail("registry.bad_cell", context, registry_place(file_, line_),
                    fmt::format("{}: {}", registry_field_name(field), reason));
    }

    /// The cell of this row, empty when it has none; without the apostrophe that csv_cell puts before a
    /// formula.
    std::string_view cell(RegistryField field) const {
        const std::size_t position = positions_.at(static_cast<std::size_t>(field));
        if (position >= cells_->size()) {
            return {};
        }
        const std::string_view written = trim((*cells_)[position]);
        const bool guarded = written.starts_with('\'') && csv_cell(written.substr(1)).starts_with('\'');
        return guarded ? trim(written.substr(1)) : written;
    }

    Result<void> check_text(RegistryField field, std::string_view text) const {
        if (const auto code_point = first_forbidden_code_point(text)) {
            return bad_cell(field, fmt::format("has a character that cannot be seen, U+{:04X}",
                                               static_cast<unsigned>(*code_point)));
        }
        return {};
    }

    Result<void> read_text(RegistryField field, std::string& text) const {
        text = normalize_nfc(cell(field));
        return check_text(field, text);
    }

    Result<void> read_number_text(RegistryField field, std::string& text) const {
        if (is_scientific_notation(cell(field))) {
            return bad_cell(
                field,
                fmt::format("“{}” was made by a spreadsheet, its digits are lost; format the column as "
                            "text and enter it again",
                            cell(field)));
        }
        return read_text(field, text);
    }

    Result<void> read_path(std::vector<std::string>& path) const {
        path = split_path(cell(RegistryField::path));
        for (std::string& name : path) {
            if (name.empty()) {
                return bad_cell(RegistryField::path, path.size() == 1 ? "is empty" : "has an empty name");
            }
            name = normalize_nfc(name);
            if (Result<void> checked = check_text(RegistryField::path, name); !checked) {
                return checked;
            }
        }
        return {};
    }

    Result<void> read_code(std::string& code) const {
        if (cell(RegistryField::code).empty()) {
            return bad_cell(RegistryField::code, "is empty");
        }
        return read_number_text(RegistryField::code, code);
    }

    Result<void> read_kind(OrganisationKind& kind) const {
        const std::string_view text = cell(RegistryField::kind);
        if (text.empty()) {
            return {};
        }
        const auto parsed = parse_organisation_kind(text);
        if (!parsed) {
            return bad_cell(RegistryField::kind,
                            fmt::format("“{}” is no kind of organisation", to_printable_utf8(text)));
        }
        kind = *parsed;
        return {};
    }

    Result<void> read_assessed_unit(std::string& code) const {
        const std::string text = normalize_nfc(cell(RegistryField::assessed_unit));
        if (text.empty()) {
            return {};
        }
        const std::optional<std::string> found = assessed_unit_code(text);
        if (!found) {
            return bad_cell(RegistryField::assessed_unit,
                            fmt::format("“{}” is neither code nor short name of an assessed unit",
                                        to_printable_utf8(text)));
        }
        code = *found;
        return {};
    }

    Result<void> read_yes_no(RegistryField field, bool& value) const {
        const std::string_view text = cell(field);
        if (text.empty()) {
            return {};
        }
        const auto parsed = parse_yes_no(text);
        if (!parsed) {
            return bad_cell(field,
                            fmt::format("“{}” is neither yes (是) nor no (否)", to_printable_utf8(text)));
        }
        value = *parsed;
        return {};
    }

    Result<void> read_administrator(std::optional<Administrator>& administrator) const {
        Administrator read;
        Result<void> done = read_text(RegistryField::administrator, read.name);
        if (done) {
            done = read_number_text(RegistryField::mobile, read.mobile);
        }
        if (done && !(read.name.empty() && read.mobile.empty())) {
            administrator = std::move(read);
        }
        return done;
    }

    Result<void> read_date(RegistryField field, std::optional<ChinaDate>& date) const {
        const std::string_view text = cell(field);
        if (text.empty()) {
            return {};
        }
        date = parse_date(text);
        if (!date) {
            return bad_cell(field, fmt::format("“{}” is not a date as 2013-04-01", to_printable_utf8(text)));
        }
        return {};
    }

    std::string_view file_;
    std::array<std::size_t, registry_columns.size()> positions_{};
    std::size_t line_ = 0;
    const std::vector<std::string>* cells_ = nullptr;
};

bool is_blank(const CsvRow& row) {
    return std::ranges::all_of(row.cells, [](std::string_view cell) { return trim(cell).empty(); });
}

/// parse_csv says "line N"; here it is "file:N".
Error with_file(Error error, std::string_view file) {
    constexpr std::string_view prefix = "line ";
    error.object = error.object.starts_with(prefix)
                       ? fmt::format("{}:{}", file, error.object.substr(prefix.size()))
                       : std::string(file);
    return error;
}

} // namespace

std::string registry_place(std::string_view file, std::size_t line) {
    return fmt::format("{}:{}", file, line);
}

std::string registry_field_name(RegistryField field) {
    const RegistryColumn& column = registry_columns.at(static_cast<std::size_t>(field));
    return fmt::format("{} ({})", column.english, column.chinese);
}

Result<std::vector<RegistryRow>> read_registry(std::string_view file, std::string_view bytes) {
    const Result<DecodedText> decoded = decode_text(bytes);
    if (!decoded) {
        return tl::unexpected(with_file(decoded.error(), file));
    }
    const Result<std::vector<CsvRow>> csv_rows = parse_csv(decoded->utf8);
    if (!csv_rows) {
        return tl::unexpected(with_file(csv_rows.error(), file));
    }
    RegistryReader reader(file);
    const CsvRow header = csv_rows->empty() ? CsvRow{1, {}} : csv_rows->front();
    if (Result<void> columns_found = reader.read_header(header); !columns_found) {
        return tl::unexpected(std::move(columns_found.error()));
    }
    std::vector<RegistryRow> rows;
    rows.reserve(csv_rows->size());
    for (const CsvRow& csv_row : *csv_rows) {
        if (csv_row.line == header.line || is_blank(csv_row)) {
            continue;
        }
        Result<RegistryRow> row = reader.read_row(csv_row);
        if (!row) {
            return tl::unexpected(std::move(row.error()));
        }
        rows.push_back(std::move(*row));
    }
    return rows;
}

} // namespace ukey
