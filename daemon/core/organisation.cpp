// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/organisation.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <utf8proc.h>

#include "daemon/core/text.hpp"
#include "embedded/assessed_units_2013.hpp"

namespace ukey {
namespace {

enum class Field {
    path,
    code,
    kind,
    assessed_unit,
    key_required,
    mobile_terminal,
    answered_for_by,
    administrator,
    mobile,
};

/// In the order of Field.
constexpr auto columns = std::to_array<RegistryColumn>({
    {"path", "隶属关系", true},
    {"code", "组织代码", true},
    {"kind", "类别", false},
    {"assessed_unit", "考核单位", false},
    {"key_required", "应配UK", false},
    {"mobile_terminal", "手机终端", false},
    {"answered_for_by", "代为履行", false},
    {"administrator", "管理员姓名", false},
    {"mobile", "联系手机", false},
});

/// Hash map keys may be looked up by string_view without a copy.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

constexpr std::array<std::string_view, 4> white_space = {" ", "\t", "\u3000", "\u00A0"};

/// Bytes of the white space at the front of the text, 0 if there is none.
std::size_t leading_space_bytes(std::string_view text) {
    for (const std::string_view space : white_space) {
        if (text.starts_with(space)) {
            return space.size();
        }
    }
    return 0;
}

std::size_t trailing_space_bytes(std::string_view text) {
    for (const std::string_view space : white_space) {
        if (text.ends_with(space)) {
            return space.size();
        }
    }
    return 0;
}

std::string_view trim(std::string_view text) {
    while (const std::size_t bytes = leading_space_bytes(text)) {
        text.remove_prefix(bytes);
    }
    while (const std::size_t bytes = trailing_space_bytes(text)) {
        text.remove_suffix(bytes);
    }
    return text;
}

/// Bytes of the path separator at the front of the text, 0 if there is none.
std::size_t separator_bytes(std::string_view text) {
    // Hyphen, full-width hyphen, the dashes that word processors make of " - ", minus, slash, full-width
    // slash.
    constexpr std::array<std::string_view, 9> separators = {"-",      "\uFF0D", "\u2010", "\u2013", "\u2014",
                                                            "\u2015", "\u2212", "/",      "\uFF0F"};
    // Only these bytes begin one: a city's registry has millions of others.
    if (constexpr std::string_view first_bytes = "-/\xE2\xEF";
        first_bytes.find(text.front()) == first_bytes.npos) {
        return 0;
    }
    for (const std::string_view separator : separators) {
        if (text.starts_with(separator)) {
            return separator.size();
        }
    }
    return 0;
}

/// Cuts at separators that stand between white space; the ends of the text count as white space.
std::vector<std::string> split_at_spaced_separators(std::string_view text) {
    std::vector<std::string> parts;
    std::size_t part_begin = 0;
    std::size_t position = 0;
    while (position < text.size()) {
        const std::size_t bytes = separator_bytes(text.substr(position));
        if (bytes == 0) {
            ++position;
            continue;
        }
        const std::string_view before = text.substr(part_begin, position - part_begin);
        const std::string_view after = text.substr(position + bytes);
        const bool spaced_before = before.empty() ? position == 0 : trailing_space_bytes(before) > 0;
        const bool spaced_after = after.empty() || leading_space_bytes(after) > 0;
        if (spaced_before && spaced_after) {
            parts.emplace_back(trim(before));
            part_begin = position + bytes;
        }
        position += bytes;
    }
    parts.emplace_back(trim(text.substr(part_begin)));
    return parts;
}

std::vector<std::string> split_at_slashes(std::string_view text) {
    constexpr std::string_view full_width_slash = "\uFF0F";
    std::vector<std::string> parts(1);
    while (!text.empty()) {
        const std::size_t bytes =
            text.starts_with(full_width_slash) ? full_width_slash.size() : std::size_t(text.starts_with('/'));
        if (bytes > 0) {
            parts.emplace_back();
            text.remove_prefix(bytes);
        } else {
            parts.back().push_back(text.front());
            text.remove_prefix(1);
        }
    }
    for (std::string& part : parts) {
        part = std::string(trim(part));
    }
    return parts;
}

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

/// The assessed units by code and by short name, from the table that is built in.
const TextMap<std::string>& assessed_unit_codes() {
    static const TextMap<std::string> codes = [] {
        TextMap<std::string> by_code_or_name;
        const auto rows = parse_csv(embedded::assessed_units_2013);
        for (const CsvRow& row : rows.value()) {
            if (row.line == 1) {
                continue;
            }
            const std::string& code = row.cells.at(0);
            by_code_or_name[code] = code;
            by_code_or_name[row.cells.at(1)] = code;
            if (code.starts_with('0')) {
                by_code_or_name[code.substr(1)] = code; // spreadsheets drop the zero
            }
        }
        return by_code_or_name;
    }();
    return codes;
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

std::string place(std::string_view file, std::size_t line) {
    return fmt::format("{}:{}", file, line);
}

/// "path (隶属关系)": how messages name a field.
std::string field_name(Field field) {
    const RegistryColumn& column = columns.at(static_cast<std::size_t>(field));
    return fmt::format("{} ({})", column.english, column.chinese);
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
                return bad_cell(static_cast<Field>(*column), "there are two columns of this name");
            }
            positions_.at(*column) = position;
        }
        for (std::size_t column = 0; column < columns.size(); ++column) {
            if (columns.at(column).required && positions_.at(column) == absent) {
                return fail("registry.missing_column", context, place(file_, line_),
                            field_name(static_cast<Field>(column)));
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
            done = read_yes_no(Field::key_required, organisation.key_required);
        }
        if (done) {
            done = read_yes_no(Field::mobile_terminal, organisation.mobile_terminal);
        }
        if (done) {
            done = read_text(Field::answered_for_by, organisation.answered_for_by);
        }
        if (done) {
            done = read_administrator(organisation.administrator);
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
        for (std::size_t column = 0; column < columns.size(); ++column) {
            if (folded == fold_for_suggestion(columns.at(column).english) ||
                folded == fold_for_suggestion(columns.at(column).chinese)) {
                return column;
            }
        }
        return std::nullopt;
    }

    tl::unexpected<Error> bad_cell(Field field, std::string_view reason) const {
        return fail("registry.bad_cell", context, place(file_, line_),
                    fmt::format("{}: {}", field_name(field), reason));
    }

    /// The cell of this row, empty when it has none; without the apostrophe that csv_cell puts before a
    /// formula.
    std::string_view cell(Field field) const {
        const std::size_t position = positions_.at(static_cast<std::size_t>(field));
        if (position >= cells_->size()) {
            return {};
        }
        const std::string_view written = trim((*cells_)[position]);
        const bool guarded = written.starts_with('\'') && csv_cell(written.substr(1)).starts_with('\'');
        return guarded ? trim(written.substr(1)) : written;
    }

    Result<void> check_text(Field field, std::string_view text) const {
        if (const auto code_point = first_forbidden_code_point(text)) {
            return bad_cell(field, fmt::format("has a character that cannot be seen, U+{:04X}",
                                               static_cast<unsigned>(*code_point)));
        }
        return {};
    }

    Result<void> read_text(Field field, std::string& text) const {
        text = normalize_nfc(cell(field));
        return check_text(field, text);
    }

    Result<void> read_number_text(Field field, std::string& text) const {
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
        path = split_path(cell(Field::path));
        for (std::string& name : path) {
            if (name.empty()) {
                return bad_cell(Field::path, path.size() == 1 ? "is empty" : "has an empty name");
            }
            name = normalize_nfc(name);
            if (Result<void> checked = check_text(Field::path, name); !checked) {
                return checked;
            }
        }
        return {};
    }

    Result<void> read_code(std::string& code) const {
        if (cell(Field::code).empty()) {
            return bad_cell(Field::code, "is empty");
        }
        return read_number_text(Field::code, code);
    }

    Result<void> read_kind(OrganisationKind& kind) const {
        const std::string_view text = cell(Field::kind);
        if (text.empty()) {
            return {};
        }
        const auto parsed = parse_organisation_kind(text);
        if (!parsed) {
            return bad_cell(Field::kind,
                            fmt::format("“{}” is no kind of organisation", to_printable_utf8(text)));
        }
        kind = *parsed;
        return {};
    }

    Result<void> read_assessed_unit(std::string& code) const {
        const std::string text = normalize_nfc(cell(Field::assessed_unit));
        if (text.empty()) {
            return {};
        }
        const auto found = assessed_unit_codes().find(text);
        if (found == assessed_unit_codes().end()) {
            return bad_cell(Field::assessed_unit,
                            fmt::format("“{}” is neither code nor short name of an assessed unit",
                                        to_printable_utf8(text)));
        }
        code = found->second;
        return {};
    }

    Result<void> read_yes_no(Field field, bool& value) const {
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
        Result<void> done = read_text(Field::administrator, read.name);
        if (done) {
            done = read_number_text(Field::mobile, read.mobile);
        }
        if (done && !(read.name.empty() && read.mobile.empty())) {
            administrator = std::move(read);
        }
        return done;
    }

    std::string_view file_;
    std::array<std::size_t, columns.size()> positions_{};
    std::size_t line_ = 0;
    const std::vector<std::string>* cells_ = nullptr;
};

bool is_blank(const CsvRow& row) {
    return std::ranges::all_of(row.cells, [](std::string_view cell) { return trim(cell).empty(); });
}

/// The rules across rows. Organisations of the file replace those already known by the same code.
/// Everything is looked up in hash maps: a city's 120,000 rows are checked in linear time.
class RegistryCheck {
  public:
    RegistryCheck(std::string_view file, const std::vector<RegistryRow>& rows,
                  const std::vector<Organisation>& known)
        : file_(file), rows_(rows), known_(known) {}

    Result<void> run() {
        Result<void> done = add_rows();
        if (done) {
            done = add_known();
        }
        if (done) {
            done = check_parents();
        }
        if (done) {
            done = check_abandoned_children();
        }
        if (done) {
            done = check_answering();
        }
        return done;
    }

  private:
    static constexpr std::size_t not_in_file = 0;

    struct Entry {
        const Organisation* organisation = nullptr;
        std::size_t line = not_in_file;
        std::string path_key;
    };

    /// No name has this character (U+001F, unit separator), so equal keys are equal paths.
    static std::string path_key(const std::vector<std::string>& path) {
        std::string key;
        for (const std::string& name : path) {
            key += name;
            key += '\x1F';
        }
        return key;
    }

    static std::string_view parent_key(const Entry& entry) {
        const std::string_view key = entry.path_key;
        return key.substr(0, key.size() - entry.organisation->name().size() - 1);
    }

    tl::unexpected<Error> error(std::string code, std::size_t line, std::string reason) const {
        return fail(std::move(code), "check the registry", place(file_, line), std::move(reason));
    }

    static std::string other_place(const Entry& entry) {
        return entry.line == not_in_file
                   ? fmt::format("the organisation {} that is already known", entry.organisation->code)
                   : fmt::format("line {}", entry.line);
    }

    Result<void> add_rows() {
        entries_.reserve(rows_.size() + known_.size());
        by_code_.reserve(rows_.size() + known_.size());
        by_path_.reserve(rows_.size() + known_.size());
        for (const RegistryRow& row : rows_) {
            entries_.push_back({&row.organisation, row.line, path_key(row.organisation.path)});
            const std::size_t index = entries_.size() - 1;
            if (const auto [code, added] = by_code_.emplace(row.organisation.code, index); !added) {
                return error("registry.duplicate", row.line,
                             fmt::format("{}: “{}” is also in {}", field_name(Field::code),
                                         row.organisation.code, other_place(entries_[code->second])));
            }
            if (const auto [path, added] = by_path_.emplace(entries_[index].path_key, index); !added) {
                return duplicate_path(row.line, row.organisation, entries_[path->second]);
            }
        }
        return {};
    }

    Result<void> add_known() {
        for (const Organisation& organisation : known_) {
            if (by_code_.contains(organisation.code)) {
                continue;
            }
            entries_.push_back({&organisation, not_in_file, path_key(organisation.path)});
            const std::size_t index = entries_.size() - 1;
            by_code_.emplace(organisation.code, index);
            if (const auto [path, added] = by_path_.emplace(entries_[index].path_key, index); !added) {
                const Entry& row = entries_[path->second];
                if (row.line != not_in_file) {
                    return duplicate_path(row.line, *row.organisation, entries_[index]);
                }
            }
        }
        return {};
    }

    tl::unexpected<Error> duplicate_path(std::size_t line, const Organisation& organisation,
                                         const Entry& other) const {
        return error("registry.duplicate", line,
                     fmt::format("{}: “{}” is also the path of {}", field_name(Field::path),
                                 join_path(organisation.path), other_place(other)));
    }

    /// When every parent is there, so is every ancestor.
    Result<void> check_parents() const {
        for (const Entry& entry : entries_) {
            if (entry.line == not_in_file || entry.organisation->path.size() < 2 ||
                by_path_.contains(parent_key(entry))) {
                continue;
            }
            std::vector<std::string> parent = entry.organisation->path;
            parent.pop_back();
            return error(
                "registry.unknown_parent", entry.line,
                fmt::format("{}: there is no organisation “{}”", field_name(Field::path), join_path(parent)));
        }
        return {};
    }

    /// A row that gives a known organisation another path must not leave those under the old one without a
    /// superior.
    Result<void> check_abandoned_children() const {
        TextMap<std::size_t> moved_lines; // old path -> line of the row that moves it
        for (const Organisation& organisation : known_) {
            const Entry& current = entries_[by_code_.find(organisation.code)->second];
            if (current.line != not_in_file && current.organisation->path != organisation.path) {
                moved_lines.emplace(path_key(organisation.path), current.line);
            }
        }
        for (const Entry& entry : entries_) {
            if (entry.line != not_in_file || by_path_.contains(parent_key(entry))) {
                continue;
            }
            if (const auto moved = moved_lines.find(parent_key(entry)); moved != moved_lines.end()) {
                return error("registry.unknown_parent", moved->second,
                             fmt::format("{}: the organisation {} is still under the old path",
                                         field_name(Field::path), entry.organisation->code));
            }
        }
        return {};
    }

    std::optional<std::size_t> answers_for(std::size_t index) const {
        const std::string& code = entries_[index].organisation->answered_for_by;
        const auto found = code.empty() ? by_code_.end() : by_code_.find(code);
        return found == by_code_.end() ? std::nullopt : std::optional(found->second);
    }

    Result<void> check_answering() const {
        for (const Entry& entry : entries_) {
            const std::string& code = entry.organisation->answered_for_by;
            if (entry.line != not_in_file && !code.empty() && !by_code_.contains(code)) {
                return error("registry.bad_cell", entry.line,
                             fmt::format("{}: there is no organisation with the code “{}”",
                                         field_name(Field::answered_for_by), code));
            }
        }
        return check_answering_cycles();
    }

    /// Everyone has at most one who answers: follow each chain once. Meeting one's own trace again is a
    /// cycle.
    Result<void> check_answering_cycles() const {
        constexpr std::size_t unvisited = 0;
        std::vector<std::size_t> trace(entries_.size(), unvisited);
        for (std::size_t start = 0; start < rows_.size(); ++start) {
            std::optional<std::size_t> at = start;
            while (at && trace[*at] == unvisited) {
                trace[*at] = start + 1;
                at = answers_for(*at);
            }
            if (at && trace[*at] == start + 1) {
                return answering_cycle(*at);
            }
        }
        return {};
    }

    tl::unexpected<Error> answering_cycle(std::size_t member) const {
        std::size_t at = member;
        do {
            if (entries_[at].line != not_in_file) {
                break; // name a row of the file, which can be corrected
            }
            at = answers_for(at).value_or(member);
        } while (at != member);
        return error("registry.bad_cell", entries_[at].line,
                     fmt::format("{}: {} answers for itself in the end", field_name(Field::answered_for_by),
                                 entries_[at].organisation->code));
    }

    std::string_view file_;
    const std::vector<RegistryRow>& rows_;
    const std::vector<Organisation>& known_;
    std::vector<Entry> entries_;
    TextMap<std::size_t> by_code_;
    TextMap<std::size_t> by_path_;
};

/// parse_csv says "line N"; here it is "file:N".
Error with_file(Error error, std::string_view file) {
    constexpr std::string_view prefix = "line ";
    error.object = error.object.starts_with(prefix)
                       ? fmt::format("{}:{}", file, error.object.substr(prefix.size()))
                       : std::string(file);
    return error;
}

} // namespace

std::string_view to_string(OrganisationKind kind) {
    switch (kind) {
    case OrganisationKind::committee:
        return "committee";
    case OrganisationKind::general_branch:
        return "general_branch";
    case OrganisationKind::branch:
        return "branch";
    case OrganisationKind::other:
        return "other";
    }
    return "other";
}

std::optional<OrganisationKind> parse_organisation_kind(std::string_view text) {
    using enum OrganisationKind;
    constexpr auto words = std::to_array<std::pair<std::string_view, OrganisationKind>>({
        {"committee", committee},
        {"党委", committee},
        {"党工委", committee},
        {"工委", committee},
        {"general_branch", general_branch},
        {"党总支", general_branch},
        {"总支", general_branch},
        {"branch", branch},
        {"党支部", branch},
        {"支部", branch},
        {"other", other},
        {"其他", other},
    });
    const auto* const found =
        std::ranges::find(words, trim(text), &std::pair<std::string_view, OrganisationKind>::first);
    return found == words.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> split_path(std::string_view text) {
    const std::string_view trimmed = trim(text);
    std::vector<std::string> parts = split_at_spaced_separators(trimmed);
    return parts.size() > 1 ? parts : split_at_slashes(trimmed);
}

std::string join_path(const std::vector<std::string>& path) {
    return fmt::format("{}", fmt::join(path, " - "));
}

std::vector<RegistryColumn> registry_columns() {
    return {columns.begin(), columns.end()};
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

Result<void> check_registry(std::string_view file, const std::vector<RegistryRow>& rows,
                            const std::vector<Organisation>& known) {
    return RegistryCheck(file, rows, known).run();
}

std::vector<Finding> registry_findings(const std::vector<RegistryRow>& rows) {
    std::vector<Finding> findings;
    for (const RegistryRow& row : rows) {
        const Organisation& organisation = row.organisation;
        const auto& administrator = organisation.administrator;
        const std::map<std::string, std::string> arguments = {{"organisation", join_path(organisation.path)},
                                                              {"line", std::to_string(row.line)}};
        if (!administrator || administrator->name.empty()) {
            findings.push_back({"organisation.no_administrator", organisation.code, arguments});
        }
        if (administrator && !is_valid_mobile(administrator->mobile)) {
            findings.push_back({"organisation.bad_mobile", organisation.code, arguments});
        }
    }
    return findings;
}

bool is_valid_mobile(std::string_view mobile) {
    std::string digits;
    for (const char character : mobile) {
        const bool between = !digits.empty() && (character == ' ' || character == '-');
        if (!between) {
            digits.push_back(character);
        }
    }
    const auto is_digit = [](char character) { return character >= '0' && character <= '9'; };
    return digits.size() == 11 && std::ranges::all_of(digits, is_digit) && digits[0] == '1' &&
           digits[1] >= '3' && is_digit(mobile.back());
}

} // namespace ukey
