// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/bundle.hpp"

#include <gtest/gtest.h>

#include "tests/support/ledger_sample.hpp"

namespace ukey {
namespace {

TEST(LedgerLeaf, IsReadAsItIsWritten) {
    const LedgerRecord record{.seq = 7,
                              .time = Timestamp(std::chrono::microseconds(1)),
                              .boottime = std::chrono::microseconds(3),
                              .kind = "key.seen",
                              .payload = std::string("{\"a\":\"\\u0000\"}", 14),
                              .hash = {}};
    const std::string leaf = ledger_leaf(record);
    const auto read = parse_ledger_leaf(leaf);
    ASSERT_TRUE(read);
    EXPECT_EQ(ledger_leaf(*read), leaf);
    EXPECT_EQ(read->time, record.time);
    EXPECT_EQ(read->payload, record.payload);
    for (std::size_t length = 0; length < leaf.size(); ++length) {
        EXPECT_FALSE(parse_ledger_leaf(std::string_view(leaf).substr(0, length))) << length;
    }
    EXPECT_FALSE(parse_ledger_leaf(leaf + "x"));
    LedgerRecord before_1970 = record;
    before_1970.time = Timestamp(std::chrono::microseconds(-1));
    EXPECT_FALSE(read_ledger_leaf(ledger_leaf(before_1970)));
}

TEST(Checkpoint, HasOneText) {
    const WorkstationKey key = WorkstationKey::generate();
    const SignedCheckpoint made = sign_checkpoint(key, 12, std::string(32, '\x1f'), Timestamp());
    const std::string text = to_text(made.checkpoint);
    EXPECT_EQ(text, "ukey-checkpoint-v1\nworkstation: " + key.fingerprint() + "\nseq: 12\nhead: " +
                        "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f" +
                        "\ntime: 1970-01-01T00:00:00.000000Z\n");
    const auto read = parse_checkpoint(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, made.checkpoint);
    EXPECT_TRUE(verify(made, key.public_key()));
    EXPECT_FALSE(verify(made, WorkstationKey::generate().public_key()));
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"seq: 12", "seq: 012"},
                                                                                   {"seq: 12", "seq: +12"},
                                                                                   {"seq: 12", "seq: "},
                                                                                   {"1f1f", "1F1F"},
                                                                                   {"\ntime", "\n\ntime"},
                                                                                   {"000000Z", "000Z"},
                                                                                   {"-v1", "-v2"},
                                                                                   {"head", "Head"}}) {
        std::string changed = text;
        changed.replace(changed.find(from), from.size(), to);
        EXPECT_FALSE(parse_checkpoint(changed)) << changed;
    }
    EXPECT_FALSE(parse_checkpoint(text + "more: 1\n"));
    EXPECT_FALSE(parse_checkpoint(""));
}

TEST(Bundle, SectionsAreReadAsTheyAreWritten) {
    const test::LedgerSample ledger(2000);
    std::string file;
    const BundleHeader header{.public_key = ledger.key().public_key(),
                              .workstation_name = "办公室",
                              .first_seq = 1,
                              .previous_hash = ledger_genesis_hash(),
                              .written = ledger.records().back().time,
                              .software = "ukeyd"};
    BundleWriter writer(file, header);
    writer.add(ledger.checkpoints().front());
    for (const LedgerRecord& record : ledger.records()) {
        writer.add(record);
    }
    writer.add(ledger.checkpoints().back());
    writer.add_certificate("DER");
    writer.finish(ledger.key());

    std::vector<BundleSectionKind> kinds;
    std::size_t records = 0;
    BundleReader reader(file);
    for (;;) {
        const auto section = reader.next();
        ASSERT_TRUE(section);
        if (!*section) {
            break;
        }
        std::string_view body = (*section)->body;
        if ((*section)->kind == BundleSectionKind::header) {
            EXPECT_EQ(parse_bundle_header(body).value(), header);
        } else if ((*section)->kind == BundleSectionKind::records) {
            while (const auto record = take_bundle_record(body).value()) {
                EXPECT_EQ(record->leaf, ledger_leaf(ledger.records()[records]));
                EXPECT_EQ(record->hash, ledger.records()[records].hash);
                ++records;
            }
        } else if ((*section)->kind == BundleSectionKind::end) {
            const auto end = parse_bundle_end(body).value();
            EXPECT_EQ(end.end.records, 2000U);
            EXPECT_TRUE(verify_ed25519(header.public_key, to_text(end.end), end.signature));
        }
        if (kinds.empty() || kinds.back() != (*section)->kind) {
            kinds.push_back((*section)->kind);
        }
    }
    using Kind = BundleSectionKind;
    EXPECT_EQ(kinds, (std::vector{Kind::header, Kind::checkpoint, Kind::records, Kind::checkpoint,
                                  Kind::certificate, Kind::end}));
    EXPECT_EQ(records, 2000U);
}

} // namespace
} // namespace ukey
