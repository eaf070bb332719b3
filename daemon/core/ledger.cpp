// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/ledger.hpp"

#include "daemon/core/big_endian.hpp"
#include "daemon/core/certificate.hpp"

namespace ukey {
namespace {

constexpr std::string_view leaf_prefix = "ukey-ledger-v1\n";

void append_counted(std::string& bytes, const std::string& text) {
    append_big_endian(bytes, text.size(), 4);
    bytes.append(text);
}

/// Takes a number off the beginning of `rest`; nullopt when that is too short.
std::optional<std::uint64_t> take_number(std::string_view& rest, std::size_t width_bytes) {
    if (rest.size() < width_bytes) {
        return std::nullopt;
    }
    const std::uint64_t value = read_big_endian(rest.substr(0, width_bytes));
    rest.remove_prefix(width_bytes);
    return value;
}

std::optional<std::string> take_counted(std::string_view& rest) {
    const auto length = take_number(rest, 4);
    if (!length || *length > rest.size()) {
        return std::nullopt;
    }
    std::string text(rest.substr(0, *length));
    rest.remove_prefix(*length);
    return text;
}

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

Result<LedgerRecord> parse_ledger_leaf(std::string_view leaf) {
    std::string_view rest =
        leaf.starts_with(leaf_prefix) ? leaf.substr(leaf_prefix.size()) : std::string_view();
    const auto seq = take_number(rest, 8);
    const auto time = take_number(rest, 8);
    const auto boottime = take_number(rest, 8);
    auto kind = take_counted(rest);
    auto payload = take_counted(rest);
    if (!seq || !time || !boottime || !kind || !payload || !rest.empty()) {
        return fail("bundle.malformed", "read a record", seq ? std::to_string(*seq) : std::string(),
                    "it has another form");
    }
    return LedgerRecord{.seq = *seq,
                        .time = Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(*time))),
                        .boottime = std::chrono::microseconds(static_cast<std::int64_t>(*boottime)),
                        .kind = std::move(*kind),
                        .payload = std::move(*payload),
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

std::string to_hex(const std::string& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char byte : bytes) {
        text.push_back(digits[static_cast<unsigned char>(byte) >> 4U]);
        text.push_back(digits[static_cast<unsigned char>(byte) & 0xFU]);
    }
    return text;
}

} // namespace ukey
