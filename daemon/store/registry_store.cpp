// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/registry_store.hpp"

#include <unordered_map>

#include "daemon/core/registry_check.hpp"
#include "daemon/core/registry_digest.hpp"
#include "daemon/core/text.hpp"

namespace ukey {
namespace {

constexpr std::string_view organisation_columns =
    "code, path, kind, assessed_unit, key_required, mobile_terminal, answered_for_by, administrator_name, "
    "administrator_mobile, founded, dissolved";

Organisation read_organisation(const Statement& row) {
    Organisation organisation{.code = row.text(0),
                              .path = split_path(row.text(1)),
                              .kind = parse_organisation_kind(row.text(2)).value_or(OrganisationKind::other),
                              .assessed_unit = row.text(3),
                              .key_required = row.integer(4) != 0,
                              .mobile_terminal = row.integer(5) != 0,
                              .answered_for_by = row.text(6),
                              .administrator = std::nullopt,
                              .founded = parse_optional_date(row.text(9)),
                              .dissolved = parse_optional_date(row.text(10))};
    if (const std::string name = row.text(7); !name.empty() || !row.text(8).empty()) {
        organisation.administrator = Administrator{name, row.text(8)};
    }
    return organisation;
}

Result<std::vector<Organisation>> read_all(Storage& storage) {
    auto statement = storage.database().prepare("SELECT " + std::string(organisation_columns) +
                                                " FROM organisation ORDER BY path");
    std::vector<Organisation> organisations;
    for (;;) {
        const auto row = statement.step();
        if (!row) {
            return tl::unexpected(row.error());
        }
        if (!*row) {
            return organisations;
        }
        organisations.push_back(read_organisation(statement));
    }
}

Result<void> write_organisation(Storage& storage, const Organisation& organisation) {
    auto statement = storage.database().prepare(
        "INSERT INTO organisation (code, path, name, folded_name, kind, assessed_unit, key_required, "
        "mobile_terminal, answered_for_by, administrator_name, administrator_mobile, founded, dissolved) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (code) DO UPDATE SET path = excluded.path, name = excluded.name, "
        "folded_name = excluded.folded_name, kind = excluded.kind, assessed_unit = excluded.assessed_unit, "
        "key_required = excluded.key_required, mobile_terminal = excluded.mobile_terminal, "
        "answered_for_by = excluded.answered_for_by, administrator_name = excluded.administrator_name, "
        "administrator_mobile = excluded.administrator_mobile, founded = excluded.founded, "
        "dissolved = excluded.dissolved");
    const Administrator administrator = organisation.administrator.value_or(Administrator{});
    statement.bind(organisation.code)
        .bind(join_path(organisation.path))
        .bind(organisation.name())
        .bind(fold_for_suggestion(organisation.name()))
        .bind(to_string(organisation.kind))
        .bind(organisation.assessed_unit)
        .bind(std::int64_t{organisation.key_required})
        .bind(std::int64_t{organisation.mobile_terminal})
        .bind(organisation.answered_for_by)
        .bind(administrator.name)
        .bind(administrator.mobile)
        .bind(text_or_empty(organisation.founded))
        .bind(text_or_empty(organisation.dissolved));
    return statement.run();
}

std::string digest_of(const std::vector<RegistryRow>& rows) {
    RegistryDigest digest;
    for (const RegistryRow& row : rows) {
        digest.add(row.organisation);
    }
    return digest.sha256();
}

Result<std::vector<std::string>> keys_of(Storage& storage, const std::string& code) {
    auto statement =
        storage.database().prepare("SELECT key_id FROM binding WHERE organisation = ? ORDER BY key_id");
    statement.bind(code);
    std::vector<std::string> keys;
    UKEY_TRY(statement.each([&] { keys.push_back(statement.text(0)); }));
    return keys;
}

} // namespace

Result<ImportCounts> import_registry(Storage& storage, const std::string& file,
                                     const std::vector<RegistryRow>& rows, std::uint32_t uid, bool dry_run) {
    const auto known = read_all(storage);
    if (!known) {
        return tl::unexpected(known.error());
    }
    UKEY_TRY(check_registry(file, rows, *known));
    std::unordered_map<std::string, const Organisation*> by_code;
    for (const Organisation& organisation : *known) {
        by_code.emplace(organisation.code, &organisation);
    }
    ImportCounts counts;
    std::vector<const Organisation*> to_write;
    for (const RegistryRow& row : rows) {
        const auto old = by_code.find(row.organisation.code);
        if (old == by_code.end()) {
            ++counts.added;
        } else if (*old->second == row.organisation) {
            ++counts.unchanged;
            continue;
        } else {
            ++counts.changed;
        }
        to_write.push_back(&row.organisation);
    }
    if (dry_run) {
        return counts;
    }
    UKEY_TRY(storage.write([&]() -> Result<void> {
        // A changed row may take the path that another one gives up: paths are freed before they are set.
        for (const Organisation* organisation : to_write) {
            auto free_path =
                storage.database().prepare("UPDATE organisation SET path = '\x01' || code WHERE code = ?");
            UKEY_TRY(free_path.bind(organisation->code).run());
        }
        for (const Organisation* organisation : to_write) {
            UKEY_TRY(write_organisation(storage, *organisation));
        }
        return storage.append("registry.imported", {{"uid", uid},
                                                    {"rows", rows.size()},
                                                    {"added", counts.added},
                                                    {"changed", counts.changed},
                                                    {"sha256", digest_of(rows)}});
    }));
    return counts;
}

Result<std::vector<OrganisationEntry>> list_organisations(Storage& storage, const std::string& match) {
    auto organisations = read_all(storage);
    if (!organisations) {
        return tl::unexpected(organisations.error());
    }
    auto bindings = storage.database().prepare("SELECT organisation, key_id FROM binding ORDER BY key_id");
    std::unordered_map<std::string, std::vector<std::string>> keys;
    UKEY_TRY(bindings.each([&] { keys[bindings.text(0)].push_back(bindings.text(1)); }));
    std::vector<OrganisationEntry> entries;
    const std::string wanted = normalize_nfc(match);
    for (Organisation& organisation : *organisations) {
        if (organisation.code.find(wanted) != std::string::npos ||
            join_path(organisation.path).find(wanted) != std::string::npos) {
            std::vector<std::string> key_ids = keys[organisation.code];
            entries.push_back({std::move(organisation), std::move(key_ids)});
        }
    }
    return entries;
}

Result<OrganisationEntry> find_organisation(Storage& storage, const std::string& wanted) {
    const std::string text = normalize_nfc(wanted);
    for (const std::string_view column : {"code", "path", "name"}) {
        auto statement =
            storage.database().prepare("SELECT " + std::string(organisation_columns) +
                                       " FROM organisation WHERE " + std::string(column) + " = ? LIMIT 2");
        statement.bind(column == "path" ? join_path(split_path(text)) : text);
        const auto row = statement.step();
        if (!row) {
            return tl::unexpected(row.error());
        }
        if (!*row) {
            continue;
        }
        OrganisationEntry entry{read_organisation(statement), {}};
        const auto second = statement.step();
        if (!second) {
            return tl::unexpected(second.error());
        }
        if (*second) {
            return fail("organisation.ambiguous", "find the organisation", wanted, "its name is not unique");
        }
        auto keys = keys_of(storage, entry.organisation.code);
        if (!keys) {
            return tl::unexpected(keys.error());
        }
        entry.key_ids = std::move(*keys);
        return entry;
    }
    return fail("organisation.not_found", "find the organisation", wanted, "no such code, path or name");
}

} // namespace ukey
