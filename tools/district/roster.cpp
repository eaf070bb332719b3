// SPDX-License-Identifier: Apache-2.0
#include "tools/district/roster.hpp"

#include "daemon/core/base64.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/conflicts.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::size_t fingerprint_bytes = 32;

constexpr std::string_view select_workstation =
    "SELECT id, fingerprint, name, enrolled_us, revoked_us, coalesce((SELECT other.fingerprint FROM identity "
    "JOIN workstation AS other ON other.id = identity.workstation WHERE "
    "identity.fingerprint = workstation.fingerprint AND identity.workstation <> workstation.id), ''), "
    "EXISTS (SELECT 1 FROM branch WHERE branch.workstation = workstation.id) FROM workstation";

Workstation read_workstation(const Statement& row) {
    const auto revoked_us = row.optional_integer(4);
    return {.id = row.integer(0),
            .fingerprint = row.text(1),
            .name = row.text(2),
            .enrolled = time_of(row.integer(3)),
            .ledger_is_of = row.integer(6) == 0 ? row.text(5) : std::string(),
            .has_records = row.integer(6) != 0,
            .revoked = revoked_us ? std::optional(time_of(*revoked_us)) : std::nullopt};
}

Result<std::optional<Workstation>> find(Database& database, const std::string& fingerprint) {
    auto statement = database.prepare(std::string(select_workstation) + " WHERE fingerprint = ?");
    UKEY_TAKE(row, statement.bind(fingerprint).step());
    return row ? std::optional(read_workstation(statement)) : std::nullopt;
}

Result<void> add(Database& database, const std::string& fingerprint, const std::string& name,
                 Timestamp enrolled, std::optional<Timestamp> revoked) {
    auto statement = database.prepare(
        "INSERT INTO workstation (fingerprint, name, enrolled_us, revoked_us) VALUES (?, ?, ?, ?)");
    statement.bind(fingerprint).bind(name).bind(microseconds_of(enrolled));
    return statement.bind(revoked ? std::optional(microseconds_of(*revoked)) : std::nullopt).run();
}

Result<void> set_name(Database& database, const Workstation& workstation, const std::string& name) {
    auto statement = database.prepare("UPDATE workstation SET name = ? WHERE id = ?");
    return statement.bind(name).bind(workstation.id).run();
}

/// Inside a transaction.
Result<void> set_revoked(Database& database, const Workstation& workstation, Timestamp now) {
    auto statement = database.prepare("UPDATE workstation SET revoked_us = ? WHERE id = ?");
    UKEY_TRY(statement.bind(microseconds_of(now)).bind(workstation.id).run());
    return find_conflicts(database, {workstation.id}); // what is bound there is bound no more
}

Result<void> apply(Database& database, const std::string& fingerprint, const TrustList::Entry& entry,
                   Timestamp now, RosterChanges& changes) {
    UKEY_TAKE(known, find(database, fingerprint));
    const bool revoked = entry.trust == WorkstationTrust::revoked;
    if (!known) {
        ++(revoked ? changes.revoked : changes.enrolled);
        return add(database, fingerprint, entry.name, now, revoked ? std::optional(now) : std::nullopt);
    }
    if (revoked && !known->revoked) {
        ++changes.revoked;
        return set_revoked(database, *known, now);
    }
    if (!revoked && known->revoked) {
        return fail("district.workstation_revoked", "enrol a workstation", fingerprint, "");
    }
    if (known->name != entry.name) {
        ++changes.renamed;
        return set_name(database, *known, entry.name);
    }
    ++changes.unchanged;
    return {};
}

} // namespace

Result<std::vector<Workstation>> read_roster(Database& database) {
    auto statement = database.prepare(std::string(select_workstation) + " ORDER BY fingerprint");
    std::vector<Workstation> roster;
    UKEY_TRY(statement.each([&] { roster.push_back(read_workstation(statement)); }));
    return roster;
}

Result<void> enrol(Database& database, const std::string& fingerprint, const std::string& name,
                   Timestamp now) {
    const auto bytes = hex_decode(fingerprint);
    if (!bytes || bytes->size() != fingerprint_bytes) {
        return fail("district.bad_fingerprint", "enrol a workstation", fingerprint, "");
    }
    RosterChanges changes;
    return apply(database, fingerprint, {.trust = WorkstationTrust::trusted, .name = name}, now, changes);
}

Result<void> revoke(Database& database, const std::string& fingerprint, Timestamp now) {
    UKEY_TAKE(known, find(database, fingerprint));
    if (!known) {
        return fail("district.workstation_unknown", "revoke a workstation", fingerprint, "");
    }
    if (known->revoked) {
        return {};
    }
    UKEY_TAKE(transaction, Transaction::begin(database));
    UKEY_TRY(set_revoked(database, *known, now));
    return transaction.commit();
}

Result<RosterChanges> enrol(Database& database, const TrustList& list, Timestamp now) {
    UKEY_TAKE(transaction, Transaction::begin(database));
    RosterChanges changes;
    for (const auto& [fingerprint, entry] : list.entries()) {
        UKEY_TRY(apply(database, fingerprint, entry, now, changes));
    }
    UKEY_TRY(transaction.commit());
    return changes;
}

} // namespace ukey::ctl::district
