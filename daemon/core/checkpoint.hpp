// SPDX-License-Identifier: Apache-2.0
// A checkpoint: the ledger's length and head at a moment, signed by the workstation (docs/formats/bundle.md
// §3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/core/clock.hpp"
#include "daemon/core/workstation_key.hpp"

namespace ukey {

struct Checkpoint {
    std::string workstation; ///< the key's fingerprint
    std::uint64_t seq = 0;   ///< the newest record; 0: there is none yet
    std::string head;        ///< its hash, 32 raw bytes
    Timestamp time{};

    bool operator==(const Checkpoint&) const = default;
};

/// The exact bytes that are signed.
std::string to_text(const Checkpoint& checkpoint);
/// The inverse; any other bytes than to_text() makes are refused. Error `bundle.malformed`.
Result<Checkpoint> parse_checkpoint(std::string_view text);

struct SignedCheckpoint {
    Checkpoint checkpoint;
    std::string signature; ///< 64 raw bytes
};

SignedCheckpoint sign_checkpoint(const WorkstationKey& key, std::uint64_t seq, const std::string& head,
                                 Timestamp time);
/// The signature is that of the workstation which the checkpoint names, and this is its key.
bool verify(const SignedCheckpoint& checkpoint, std::string_view public_key);

} // namespace ukey
