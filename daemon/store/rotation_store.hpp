// SPDX-License-Identifier: Apache-2.0
// The keys that a ledger's checkpoints are signed with, one after the other. Store thread only; blocking.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/rotation.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// In the state folder.
constexpr const char* workstation_key_file = "/workstation.key";

/// The rotations up to record `last_seq` that lead to this key; none when another key than theirs is in force
/// (its file was lost, or put there by hand).
Result<std::vector<SignedRotation>> load_rotations(Storage& storage, const std::string& public_key,
                                                   std::uint64_t last_seq);

/// The workstation's key in its file, made when there is none. A rotation that was cut short between its
/// record and the change of files is finished; one that has no record is forgotten.
Result<WorkstationKey> load_workstation_key(Storage& storage, const std::string& path);

struct RotatedKey {
    WorkstationKey key; ///< in force from now on
    /// Why its file is not in place yet, or nothing is signed by it: the next start sees to both. Nothing:
    /// all is done, and the old key's private half is nowhere any more.
    std::optional<Error> unfinished;
};

/// A new key in the place of the one in its file at `path`: record `workstation.rotated`, signed by both,
/// between a checkpoint by the old one and one by the new one. After an error the old one is in force.
Result<RotatedKey> rotate_workstation_key(Storage& storage, const WorkstationKey& key,
                                          const std::string& path);

} // namespace ukey
