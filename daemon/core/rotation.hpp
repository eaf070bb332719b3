// SPDX-License-Identifier: Apache-2.0
// A workstation's new key, vouched for by the old one (docs/formats/bundle.md §7).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/result.hpp"
#include "daemon/core/workstation_key.hpp"

namespace ukey {

/// At one place of one ledger, the old key gave way to the new one.
struct Rotation {
    std::string old_public_key; ///< 32 raw bytes
    std::string new_public_key; ///< 32 raw bytes
    std::uint64_t seq = 0;      ///< of the record `workstation.rotated`: from it on the new key signs
    std::string head;           ///< hash of the record before it, 32 raw bytes
    Timestamp time{};

    bool operator==(const Rotation&) const = default;
};

/// The exact bytes that both keys sign.
std::string to_text(const Rotation& rotation);

/// The inverse; any other bytes than to_text() makes are refused. Error `bundle.malformed`.
Result<Rotation> parse_rotation(std::string_view text);

struct SignedRotation {
    Rotation rotation;
    std::string old_signature; ///< 64 raw bytes: the old key vouches for the new one
    std::string new_signature; ///< 64 raw bytes: whoever asked for it has the new key

    bool operator==(const SignedRotation&) const = default;
};

SignedRotation sign_rotation(const WorkstationKey& old_key, const WorkstationKey& new_key, std::uint64_t seq,
                             const std::string& head, Timestamp time);
/// Both signatures hold, and the keys are two.
bool verify(const SignedRotation& rotation);

/// The payload of a record `workstation.rotated`; its time is the statement's own.
boost::json::object to_json(const SignedRotation& rotation);
/// The inverse. Error `ledger.unreadable`. Whether it holds is not asked.
Result<SignedRotation> decode_rotation(std::string_view payload);

/// The keys of one ledger by the places from which they sign, from its rotations in their order and the key
/// that came out of them. Signatures are not looked at.
class KeyHistory {
  public:
    KeyHistory() = default;
    KeyHistory(std::span<const SignedRotation> rotations, std::string last_public_key);

    /// The key that signs a checkpoint at record `seq`.
    const std::string& key_at(std::uint64_t seq) const;
    /// Fingerprints, the first key's first.
    std::vector<std::string> fingerprints() const;

  private:
    struct Key {
        std::uint64_t from_seq;
        std::string public_key;
    };
    std::vector<Key> keys_{{0, std::string()}}; ///< at least one
};

/// Why these rotations do not lead to that key, step by step; nullopt: they do, and each is signed by both.
std::optional<std::string> rotation_fault(std::span<const SignedRotation> rotations,
                                          std::string_view last_public_key);

} // namespace ukey
