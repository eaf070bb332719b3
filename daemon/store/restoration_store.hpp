// SPDX-License-Identifier: Apache-2.0
// The seam in a ledger that was put back from a backup (docs/formats/ledger.md §9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/store/storage.hpp"

namespace ukey {

/// The database was put back from a backup, and no start has recorded that yet.
struct Restoration {
    Timestamp made{};           ///< when the backup was
    std::string made_on;        ///< the computer's name then
    std::string restored_on;    ///< and the name of the one that it was put back on
    std::uint64_t last_seq = 0; ///< the backup's last record
    std::string head;           ///< its hash, 32 raw bytes

    bool operator==(const Restoration&) const = default;
};

/// Notes it in a table of its own, which is there until a start has recorded it: a database of any version
/// can have it. Inside a transaction.
Result<void> note_restoration(Database& database, const Restoration& restoration);

/// nullopt: there is nothing to record.
Result<std::optional<Restoration>> pending_restoration(Database& database);

/// Record `state.restored`, and the note is gone; inside Storage::write().
Result<void> record_restoration(Storage& storage, const Restoration& restoration);

} // namespace ukey
