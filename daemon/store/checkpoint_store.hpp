// SPDX-License-Identifier: Apache-2.0
// Signed checkpoints beside the ledger. Store thread only; blocking.
#pragma once

#include <vector>

#include "daemon/core/checkpoint.hpp"
#include "daemon/core/rotation.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// Signs the ledger as it is now, and keeps that; what this key has signed at the same record before is given
/// instead.
Result<SignedCheckpoint> add_checkpoint(Storage& storage, const WorkstationKey& key);

/// The records that have come since the last checkpoint of this key.
Result<std::uint64_t> records_since_checkpoint(Storage& storage, const WorkstationKey& key);

/// Each by the key that signs there, from record `first_seq` to `last_seq`, in order.
Result<std::vector<SignedCheckpoint>> load_checkpoints(Storage& storage, const KeyHistory& keys,
                                                       std::uint64_t first_seq, std::uint64_t last_seq);

} // namespace ukey
