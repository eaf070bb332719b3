// SPDX-License-Identifier: Apache-2.0
// The ledger's arithmetic: how a record is hashed into the chain, and how a chain is checked. Storage is
// elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/core/clock.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// 32 zero bytes: what the first record has before it.
std::string ledger_genesis_hash();

struct LedgerRecord {
    std::uint64_t seq = 0; ///< from 1, without holes
    Timestamp time{};
    std::chrono::microseconds boottime{};
    std::string kind;
    std::string payload; ///< the exact bytes that are hashed: JSON
    std::string hash;    ///< 32 raw bytes
};

/// What is hashed of a record itself: "ukey-ledger-v1\n", then seq, time and boottime in microseconds as
/// 64-bit big-endian, then kind and payload, each with its length as 32-bit big-endian in front.
std::string ledger_leaf(const LedgerRecord& record);

/// A record's parts where they stand in its leaf's bytes.
struct LedgerLeaf {
    std::uint64_t seq;
    Timestamp time;
    std::chrono::microseconds boottime;
    std::string_view kind;
    std::string_view payload;
};
/// nullopt: they are no leaf; something is missing or follows, or the time is not in the years 1970 to 9999.
std::optional<LedgerLeaf> read_ledger_leaf(std::string_view leaf);
/// The inverse of ledger_leaf(); the record's hash is left empty. Error `bundle.malformed`.
Result<LedgerRecord> parse_ledger_leaf(std::string_view leaf);

/// SHA-256(previous hash ‖ SHA-256(leaf)).
std::string ledger_hash(const std::string& previous_hash, const LedgerRecord& record);

/// Walks records in order and finds the first that does not fit.
class ChainVerifier {
  public:
    /// Begins at the genesis, or after a record that is trusted already.
    explicit ChainVerifier(std::uint64_t previous_seq = 0, std::string previous_hash = ledger_genesis_hash());

    /// Nothing when the record continues the chain, else why not.
    std::optional<std::string> add(const LedgerRecord& record);

    std::uint64_t seq() const { return seq_; }
    const std::string& head() const { return head_; }

  private:
    std::uint64_t seq_;
    std::string head_;
};

} // namespace ukey
