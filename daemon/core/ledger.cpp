// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/ledger.hpp"

#include <algorithm>

#include "daemon/core/big_endian.hpp"
#include "daemon/core/certificate.hpp"

namespace ukey {
namespace {

constexpr std::string_view leaf_prefix = "ukey-ledger-v1\n";
/// 9999-12-31T23:59:59.999999Z: what RFC 3339 can write.
constexpr std::uint64_t last_time_us = 253'402'300'799'999'999;

void append_counted(std::string& bytes, const std::string& text) {
    append_big_endian(bytes, text.size(), 4);
    bytes.append(text);
}

std::optional<std::string_view> take_counted(std::string_view& rest) {
    constexpr std::size_t length_bytes = 4;
    const std::uint64_t length =
        rest.size() < length_bytes ? UINT64_MAX : read_big_endian(rest.substr(0, length_bytes));
    if (length > rest.size() - std::min(rest.size(), length_bytes)) {
        return std::nullopt;
    }
    const std::string_view text = rest.substr(length_bytes, length);
    rest.remove_prefix(length_bytes + length);
    return text;
}

/// Of a prefix and three numbers, which all leaves have.
constexpr std::size_t fixed_bytes = leaf_prefix.size() + 3 * sizeof(std::uint64_t);

} // namespace

std::string ledger_genesis_hash() {
    return std::string(32, '\0');
}

std::string ledger_leaf(const LedgerRecord& record) {
    std::string leaf(leaf_prefix);
    append_big_endian(leaf, record.seq, 8);
    append_big_endian(leaf, static_cast<std::uint64_t>(record.time.time_since_epoch().count()), 8);
    append_big_endian(leaf, static_cast<std::uint64_t>(record.boottime.count()), 8);
    append_counted(leaf, record.kind);
    append_counted(leaf, record.payload);
    return leaf;
}

std::optional<LedgerLeaf> read_ledger_leaf(std::string_view leaf) {
    if (leaf.size() < fixed_bytes || !leaf.starts_with(leaf_prefix)) {
        return std::nullopt;
    }
    const char* numbers = leaf.data() + leaf_prefix.size();
    const std::uint64_t time_us = read_big_endian_64(numbers + 8);
    const std::uint64_t boottime_us = read_big_endian_64(numbers + 16);
    std::string_view rest = leaf.substr(fixed_bytes);
    const auto kind = take_counted(rest);
    const auto payload = kind ? take_counted(rest) : std::nullopt;
    if (!payload || !rest.empty() || time_us > last_time_us || boottime_us > last_time_us) {
        return std::nullopt;
    }
    return LedgerLeaf{.seq = read_big_endian_64(numbers),
                      .time = Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(time_us))),
                      .boottime = std::chrono::microseconds(static_cast<std::int64_t>(boottime_us)),
                      .kind = *kind,
                      .payload = *payload};
}

Result<LedgerRecord> parse_ledger_leaf(std::string_view leaf) {
    const auto parts = read_ledger_leaf(leaf);
    if (!parts) {
        return fail("bundle.malformed", "read a record", "", "it has another form");
    }
    return LedgerRecord{.seq = parts->seq,
                        .time = parts->time,
                        .boottime = parts->boottime,
                        .kind = std::string(parts->kind),
                        .payload = std::string(parts->payload),
                        .hash = {}};
}

std::string ledger_hash(const std::string& previous_hash, const LedgerRecord& record) {
    return sha256(previous_hash + sha256(ledger_leaf(record)));
}

ChainVerifier::ChainVerifier(std::uint64_t previous_seq, std::string previous_hash)
    : seq_(previous_seq), head_(std::move(previous_hash)) {}

std::optional<std::string> ChainVerifier::add(const LedgerRecord& record) {
    if (record.seq != seq_ + 1) {
        return "record " + std::to_string(seq_ + 1) + " is missing";
    }
    if (ledger_hash(head_, record) != record.hash) {
        return "its hash does not fit its content and the record before it";
    }
    seq_ = record.seq;
    head_ = record.hash;
    return std::nullopt;
}

} // namespace ukey
