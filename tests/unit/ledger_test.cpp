// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/ledger.hpp"

#include <gtest/gtest.h>

#include "daemon/core/certificate.hpp"

namespace ukey {
namespace {

LedgerRecord record(std::uint64_t seq, const std::string& payload) {
    return {.seq = seq,
            .time = Timestamp(std::chrono::microseconds(1'000'000 + seq)),
            .boottime = std::chrono::microseconds(seq),
            .kind = "test",
            .payload = payload,
            .hash = {}};
}

std::vector<LedgerRecord> chain(std::size_t length) {
    std::vector<LedgerRecord> records;
    std::string head = ledger_genesis_hash();
    for (std::size_t index = 0; index < length; ++index) {
        records.push_back(record(index + 1, "{\"n\":" + std::to_string(index) + "}"));
        records.back().hash = ledger_hash(head, records.back());
        head = records.back().hash;
    }
    return records;
}

std::optional<std::size_t> first_bad(const std::vector<LedgerRecord>& records) {
    ChainVerifier verifier;
    for (std::size_t index = 0; index < records.size(); ++index) {
        if (verifier.add(records[index])) {
            return index;
        }
    }
    return std::nullopt;
}

TEST(Ledger, HashIsTheDocumentedOne) {
    // docs/formats/ledger.md, put together here by hand.
    const std::string leaf = std::string("ukey-ledger-v1\n") + std::string("\0\0\0\0\0\0\0\1", 8) +
                             std::string("\0\0\0\0\0\x0F\x42\x41", 8) + std::string("\0\0\0\0\0\0\0\1", 8) +
                             std::string("\0\0\0\4test", 8) + std::string("\0\0\0\2{}", 6);
    EXPECT_EQ(ledger_hash(ledger_genesis_hash(), record(1, "{}")),
              sha256(std::string(32, '\0') + sha256(leaf)));
}

TEST(Ledger, AWholeChainVerifies) {
    EXPECT_EQ(first_bad(chain(50)), std::nullopt);
}

TEST(Ledger, EveryChangeIsFoundWhereItIs) {
    for (std::size_t index = 0; index < 10; ++index) {
        auto changed = chain(10);
        changed[index].payload += ' ';
        EXPECT_EQ(first_bad(changed), index);
        changed = chain(10);
        changed[index].kind = "other";
        EXPECT_EQ(first_bad(changed), index);
        changed = chain(10);
        changed[index].time += std::chrono::microseconds(1);
        EXPECT_EQ(first_bad(changed), index);
        changed = chain(10);
        changed[index].boottime += std::chrono::microseconds(1);
        EXPECT_EQ(first_bad(changed), index);
        changed = chain(10);
        changed[index].hash[7] = static_cast<char>(changed[index].hash[7] ^ 1);
        EXPECT_EQ(first_bad(changed), index);
    }
}

TEST(Ledger, RemovedInsertedAndSwappedRecordsAreFound) {
    auto removed = chain(10);
    removed.erase(removed.begin() + 4);
    EXPECT_EQ(first_bad(removed), 4U);
    auto doubled = chain(10);
    doubled.insert(doubled.begin() + 4, doubled[4]);
    EXPECT_EQ(first_bad(doubled), 5U);
    auto swapped = chain(10);
    std::swap(swapped[2], swapped[3]);
    EXPECT_EQ(first_bad(swapped), 2U);
}

} // namespace
} // namespace ukey
