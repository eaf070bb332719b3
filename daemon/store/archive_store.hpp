// SPDX-License-Identifier: Apache-2.0
// The ledger's older part, which is kept in a bundle elsewhere and no longer here (docs/formats/ledger.md
// §8). Blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/core/rotation.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// The newest record that is here no longer.
struct ArchivedEnd {
    std::uint64_t seq = 0; ///< 0: all records are here
    std::string hash = ledger_genesis_hash();
    Timestamp time = Timestamp::min();
};

/// Reader or store thread.
Result<ArchivedEnd> archived_end(Storage& storage);

/// The record after which a bundle begins that shall have everything: the newest archived one, where a
/// checkpoint is. If the service was stopped while records were removed, there may be none; then the next one
/// is the place, and the archive has what is before it. Reader or store thread.
Result<std::uint64_t> bundle_beginning(Storage& storage, const KeyHistory& keys);

/// The last checkpoint that these keys signed before the first record of `before` or a later time: there the
/// ledger can be cut. nullopt: there is none after bundle_beginning(). Reader or store thread.
Result<std::optional<std::uint64_t>> find_archive_end(Storage& storage, const KeyHistory& keys,
                                                      Timestamp before);

/// What is to leave the ledger; the bundle has it already.
struct Archive {
    std::uint64_t last_seq = 0;
    std::string bundle_sha256; ///< of the file, 64 hexadecimal digits: what the record says
    std::uint32_t uid = 0;     ///< who asked for it
};

/// Removes records up to `archive.last_seq`, no more than archive_step_records of them, and sessions that
/// were over at them; false: there are more. With the last ones the record `ledger.archived` is written. Each
/// step leaves a ledger whose chain and whose tables can be checked. Errors
/// `ledger.unreadable`: a record among them has not what its kind has, and nothing of this step was removed;
/// `audit.no_checkpoint`: there is no such record, or it was archived before. Store thread only.
Result<bool> archive_step(Storage& storage, const Archive& archive);

/// Logins wait for one step.
constexpr std::uint64_t archive_step_records = 10'000;

} // namespace ukey
