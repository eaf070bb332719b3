// SPDX-License-Identifier: Apache-2.0
#include "tools/district/registry_history.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "daemon/core/registry_check.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

/// Between the names of a path; no name has it.
constexpr char unit_separator = '\x1F';

std::string path_text(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& name : path) {
        text.append(text.empty() ? 0 : 1, unit_separator);
        text += name;
    }
    return text;
}

std::vector<std::string> read_path(std::string_view text) {
    std::vector<std::string> path;
    path.reserve(static_cast<std::size_t>(std::ranges::count(text, unit_separator)) + 1);
    for (std::size_t end = text.find(unit_separator); end != std::string_view::npos;
         end = text.find(unit_separator)) {
        path.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    path.emplace_back(text);
    return path;
}

Organisation read_organisation(const Statement& row) {
    Organisation organisation{.code = row.text(0),
                              .path = read_path(row.view(2)),
                              .kind = parse_organisation_kind(row.view(3)).value_or(OrganisationKind::other),
                              .assessed_unit = row.text(4),
                              .key_required = row.integer(5) != 0,
                              .mobile_terminal = row.integer(6) != 0,
                              .answered_for_by = row.text(7),
                              .administrator = std::nullopt,
                              .founded = parse_optional_date(row.view(10)),
                              .dissolved = parse_optional_date(row.view(11))};
    if (std::string name = row.text(8), mobile = row.text(9); !name.empty() || !mobile.empty()) {
        organisation.administrator = Administrator{std::move(name), std::move(mobile)};
    }
    return organisation;
}

/// Sorted by their places: an organisation is large. The separator comes before all that a name can have:
/// texts have the order of their paths, and are compared in one go.
std::vector<Organisation> by_path(std::vector<Organisation> organisations) {
    std::vector<std::string> paths;
    paths.reserve(organisations.size());
    for (const Organisation& organisation : organisations) {
        paths.push_back(path_text(organisation.path));
    }
    std::vector<std::size_t> order(organisations.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t one, std::size_t other) { return paths[one] < paths[other]; });
    std::vector<Organisation> sorted;
    sorted.reserve(organisations.size());
    for (const std::size_t place : order) {
        sorted.push_back(std::move(organisations[place]));
    }
    return sorted;
}

constexpr const char* write_row_sql =
    "INSERT OR REPLACE INTO registry (code, since, path, kind, assessed_unit, key_required, mobile_terminal, "
    "answered_for_by, administrator_name, administrator_mobile, founded, dissolved) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// `statement` is write_row_sql.
Result<void> write_row(Statement& statement, const Organisation& organisation, const ChinaDate& since) {
    const Administrator administrator = organisation.administrator.value_or(Administrator{});
    statement.reset().bind(organisation.code).bind(since.text()).bind(path_text(organisation.path));
    statement.bind(to_string(organisation.kind)).bind(organisation.assessed_unit);
    statement.bind(std::int64_t{organisation.key_required}).bind(std::int64_t{organisation.mobile_terminal});
    statement.bind(organisation.answered_for_by).bind(administrator.name).bind(administrator.mobile);
    return statement.bind(text_or_empty(organisation.founded))
        .bind(text_or_empty(organisation.dissolved))
        .run();
}

class RegistryWriter {
  public:
    RegistryWriter(Database& database, const ChinaDate& since)
        : since_(since), write_row_(database.prepare(write_row_sql)),
          write_unchanged_(
              database.prepare("INSERT OR IGNORE INTO registry_unchanged (code, since) VALUES (?, ?)")),
          next_unchanged_(database.prepare(
              "SELECT since FROM registry_unchanged AS here WHERE code = ?1 AND since > ?2 AND NOT EXISTS "
              "(SELECT 1 FROM registry WHERE code = ?1 AND since > ?2 AND since <= here.since) "
              "ORDER BY since LIMIT 1")) {}

    /// `old`: what held on that day until now; null: nothing did.
    Result<void> write(const Organisation& organisation, const Organisation* old);
    Result<void> write_unchanged(const Organisation& organisation) {
        return write_unchanged_.reset().bind(organisation.code).bind(since_.text()).run();
    }

  private:
    ChinaDate since_;
    Statement write_row_;
    Statement write_unchanged_;
    Statement next_unchanged_;
};

/// A file that comes late holds until the next one that names the organisation, which may have changed
/// nothing then, and has no row.
Result<void> RegistryWriter::write(const Organisation& organisation, const Organisation* old) {
    if (old != nullptr) {
        UKEY_TAKE(found, next_unchanged_.reset().bind(organisation.code).bind(since_.text()).step());
        if (found) {
            UKEY_TAKE(next, ChinaDate::parse(next_unchanged_.text(0)));
            UKEY_TRY(write_row(write_row_, *old, next));
        }
    }
    return write_row(write_row_, organisation, since_);
}

} // namespace

Result<std::vector<Organisation>> read_registry_at(Database& database, Timestamp moment) {
    const std::string last_day = ChinaDate::containing(moment - std::chrono::microseconds(1)).text();
    auto statement = database.prepare(
        "SELECT code, since, path, kind, assessed_unit, key_required, mobile_terminal, answered_for_by, "
        "administrator_name, administrator_mobile, founded, dissolved FROM registry ORDER BY code, since");
    std::vector<Organisation> organisations;
    UKEY_TRY(statement.each([&] {
        const bool another = organisations.empty() || organisations.back().code != statement.view(0);
        if (another) {
            organisations.push_back(read_organisation(statement));
        } else if (statement.view(1) <= last_day) {
            organisations.back() = read_organisation(statement);
        }
    }));
    return by_path(std::move(organisations));
}

Result<RegistryChanges> import_registry(Database& database, const std::string& file,
                                        const std::vector<RegistryRow>& rows, const ChinaDate& since,
                                        bool dry_run) {
    UKEY_TAKE(transaction, Transaction::begin(database));
    UKEY_TAKE(known, read_registry_at(database, since.begin() + std::chrono::days(1)));
    UKEY_TRY(check_registry(file, rows, known));
    std::unordered_map<std::string, const Organisation*> by_code;
    for (const Organisation& organisation : known) {
        by_code.emplace(organisation.code, &organisation);
    }
    RegistryWriter writer(database, since);
    RegistryChanges changes;
    for (const RegistryRow& row : rows) {
        const auto old = by_code.find(row.organisation.code);
        if (old != by_code.end() && *old->second == row.organisation) {
            ++changes.unchanged;
            UKEY_TRY(dry_run ? Result<void>() : writer.write_unchanged(row.organisation));
            continue;
        }
        ++(old == by_code.end() ? changes.added : changes.changed);
        if (!dry_run) {
            UKEY_TRY(writer.write(row.organisation, old == by_code.end() ? nullptr : old->second));
        }
    }
    if (!dry_run) {
        UKEY_TRY(transaction.commit());
    }
    return changes;
}

} // namespace ukey::ctl::district
