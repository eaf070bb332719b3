// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/ledger.hpp"

#include "daemon/core/certificate.hpp"

namespace ukey {
namespace {

void append_big_endian(std::string& bytes, std::uint64_t value, unsigned width_bytes) {
    for (unsigned index = width_bytes; index-- > 0;) {
        bytes.push_back(static_cast<char>((value >> (index * 8U)) & 0xFFU));
    }
}

void append_counted(std::string& bytes, const std::string& text) {
    append_big_endian(bytes, text.size(), 4);
    bytes.append(text);
}

} // namespace

std::string ledger_genesis_hash() {
    return std::string(32, '\0');
}

std::string ledger_hash(const std::string& previous_hash, const LedgerRecord& record) {
    std::string leaf = "ukey-ledger-v1\n";
    append_big_endian(leaf, record.seq, 8);
    append_big_endian(leaf, static_cast<std::uint64_t>(record.time.time_since_epoch().count()), 8);
    append_big_endian(leaf, static_cast<std::uint64_t>(record.boottime.count()), 8);
    append_counted(leaf, record.kind);
    append_counted(leaf, record.payload);
    return sha256(previous_hash + sha256(leaf));
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
