// SPDX-License-Identifier: Apache-2.0
// A backup of the service's state: a copy of its database that also holds the workstation's key and the
// configuration (docs/formats/ledger.md §9). Blocking.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "daemon/core/workstation_key.hpp"
#include "daemon/store/restoration_store.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// SQLite's application_id of a backup: "UKBK". The service's own database has none.
constexpr std::int64_t backup_application_id = 0x554B424B;

/// What a backup says of itself.
struct BackupFacts {
    Timestamp made{};
    std::string host;        ///< the computer's name
    std::string software;    ///< what made it
    std::string workstation; ///< fingerprint of the key in it
    std::uint64_t last_seq = 0;
    std::string head;                         ///< hash of that record, 32 raw bytes
    std::optional<std::string> configuration; ///< the file's text; nullopt: there was none
};

struct Backup {
    BackupFacts facts;
    WorkstationKey key;
};

/// The fingerprint of the key that signs this ledger now, by the ledger itself; nullopt: nothing is signed
/// yet.
Result<std::optional<std::string>> signing_fingerprint(Storage& storage);

/// Makes a copy of a database (Database::copy_to) a backup.
Result<void> make_backup(Database& copy, const Backup& backup);

/// Error `backup.malformed`: it is none, or has not what one has; `state.newer`.
Result<Backup> read_backup(Storage& storage);

/// Reads all of it: the pages, the chain, that the last record is the one that it says, that the key is the
/// one that signs this ledger. `progress` is called with the records done. Error `backup.damaged`. Inside
/// Storage::read().
Result<void> check_backup(Storage& storage, const Backup& backup,
                          const std::function<void(std::uint64_t)>& progress);

/// The inverse of make_backup(), with a note for the next start. The key and the configuration are not in it
/// any more.
Result<void> make_state(Database& copy, const Restoration& restoration);

/// How many of `state`'s records `other` does not have. Each inside its Storage::read().
Result<std::uint64_t> records_missing_in(Storage& state, Storage& other);

} // namespace ukey
