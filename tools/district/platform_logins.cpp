// SPDX-License-Identifier: Apache-2.0
#include "tools/district/platform_logins.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "daemon/core/csv.hpp"
#include "daemon/core/text.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/names.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::chrono::hours china_offset{8};

std::string place(std::string_view file, std::size_t line) {
    return fmt::format("{}:{}", file, line);
}

/// Which cell has the column; nullopt: none.
std::optional<std::size_t> find_column(const CsvRow& heading, std::string_view english,
                                       std::string_view chinese) {
    const auto found = std::ranges::find_if(heading.cells, [&](const std::string& cell) {
        return trim(cell) == english || trim(cell) == chinese;
    });
    return found == heading.cells.end()
               ? std::nullopt
               : std::optional(static_cast<std::size_t>(found - heading.cells.begin()));
}

/// A number that ends at `separator` (NUL: at the text's end), which is taken off with it.
std::optional<int> take_number(std::string_view& text, std::string_view separators, std::size_t digits_max) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < digits_max) {
        value = value * 10 + (text[digits] - '0');
        ++digits;
    }
    text.remove_prefix(digits);
    const bool ends =
        text.empty() ? separators.empty() : separators.find(text.front()) != std::string_view::npos;
    if (digits == 0 || !ends) {
        return std::nullopt;
    }
    text.remove_prefix(text.empty() ? 0 : 1);
    return value;
}

/// China time as spreadsheets write it.
std::optional<Timestamp> parse_china_time(std::string_view text) {
    const auto year = take_number(text, "-/", 4);
    const auto month = year ? take_number(text, "-/", 2) : std::nullopt;
    const auto day = month ? take_number(text, " T", 2) : std::nullopt;
    text = trim(text);
    const auto hour = day ? take_number(text, ":", 2) : std::nullopt;
    const bool has_seconds = text.find(':') != std::string_view::npos;
    const auto minute = hour ? take_number(text, has_seconds ? ":" : "", 2) : std::nullopt;
    const auto second = minute && has_seconds ? take_number(text, "", 2) : std::optional(0);
    if (!minute || !second) {
        return std::nullopt;
    }
    const auto moment = parse_timestamp(
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", *year, *month, *day, *hour, *minute, *second));
    return moment ? std::optional(*moment - china_offset) : std::nullopt;
}

/// Codes that the registry never had.
Result<std::vector<std::string>> unknown_codes(Database& database, const std::vector<PlatformLogin>& logins) {
    auto statement = database.prepare("SELECT DISTINCT code FROM registry");
    std::set<std::string> known;
    UKEY_TRY(statement.each([&] { known.insert(statement.text(0)); }));
    std::set<std::string> unknown;
    for (const PlatformLogin& login : logins) {
        if (!known.contains(login.organisation)) {
            unknown.insert(login.organisation);
        }
    }
    return std::vector<std::string>(unknown.begin(), unknown.end());
}

} // namespace

Result<std::vector<PlatformLogin>> read_platform_logins(std::string_view file, std::string_view bytes) {
    UKEY_TAKE(text, decode_text(bytes));
    auto parsed = parse_csv(text.utf8);
    if (!parsed) {
        Error error = parsed.error();
        error.object = std::string(file) + ": " + error.object;
        return tl::unexpected(std::move(error));
    }
    if (parsed->empty()) {
        return fail("platform.missing_column", "read the platform's logins", std::string(file),
                    "code (组织代码)");
    }
    const auto code = find_column(parsed->front(), "code", "组织代码");
    const auto time = find_column(parsed->front(), "time", "登录时间");
    if (!code || !time) {
        return fail("platform.missing_column", "read the platform's logins",
                    place(file, parsed->front().line), code ? "time (登录时间)" : "code (组织代码)");
    }
    std::vector<PlatformLogin> logins;
    for (auto row = parsed->begin() + 1; row != parsed->end(); ++row) {
        const bool complete = row->cells.size() > std::max(*code, *time);
        const std::string organisation = complete ? normalize_nfc(trim(row->cells[*code])) : std::string();
        const auto moment = complete ? parse_china_time(trim(row->cells[*time])) : std::nullopt;
        if (organisation.empty() || !moment) {
            return fail("platform.bad_cell", "read the platform's logins", place(file, row->line),
                        organisation.empty() ? "code (组织代码)" : "time (登录时间)");
        }
        logins.push_back({organisation, *moment});
    }
    return logins;
}

Result<PlatformImport> import_platform_logins(Database& database, const std::vector<PlatformLogin>& logins) {
    UKEY_TAKE(transaction, Transaction::begin(database));
    UKEY_TAKE(names, Names::load(database, "organisation", "code"));
    auto insert = database.prepare(
        "INSERT INTO platform_login (month, organisation, time_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    PlatformImport import;
    for (const PlatformLogin& login : logins) {
        UKEY_TAKE(organisation, names.number_of(login.organisation));
        insert.reset().bind(month_number(login.time)).bind(organisation);
        UKEY_TRY(insert.bind(microseconds_of(login.time)).run());
        ++(database.changes() > 0 ? import.added : import.known);
    }
    UKEY_TAKE(unknown, unknown_codes(database, logins));
    import.unknown_organisations = std::move(unknown);
    UKEY_TRY(transaction.commit());
    return import;
}

} // namespace ukey::ctl::district
