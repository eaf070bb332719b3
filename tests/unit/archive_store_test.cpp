// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/archive_store.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "daemon/core/base64.hpp"
#include "daemon/store/absence.hpp"
#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/rotation_store.hpp"
#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

using namespace std::chrono_literals;

class ArchiveStoreTest : public ::testing::Test {
  protected:
    ArchiveStoreTest() {
        clock_.time = parse_timestamp("2026-04-01T00:00:00Z").value();
        EXPECT_TRUE(storage_.database().execute("PRAGMA synchronous=OFF")); // no test of the disk
    }

    /// So many records, an hour apart.
    void write(std::uint64_t count) {
        for (std::uint64_t number = 0; number < count; ++number) {
            clock_.time += 1h;
            ASSERT_TRUE(storage_.write([&] { return storage_.append("key.removed", {{"key", "k"}}); }));
        }
    }

    std::uint64_t sign() { return add_checkpoint(storage_, key_)->checkpoint.seq; }
    KeyHistory keys() const { return {{}, key_.public_key()}; }
    Result<bool> archive(std::uint64_t last_seq) {
        return archive_step(storage_, {last_seq, std::string(64, 'a'), 31337});
    }
    std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> numbers;
        EXPECT_TRUE(storage_.visit_records(1, 0, [&](const LedgerRecord& record) {
            numbers.push_back(record.seq);
            return true;
        }));
        return numbers;
    }

    test::TemporaryFolder folder_;
    test::SetClock clock_;
    WorkstationKey key_ = WorkstationKey::generate();
    Storage storage_ = Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value();
};

TEST_F(ArchiveStoreTest, CutsAtACheckpointBeforeThatDay) {
    write(3);
    sign();
    write(4);
    const Timestamp before = clock_.time;
    EXPECT_EQ(find_archive_end(storage_, keys(), before).value(), 3U);
    EXPECT_EQ(find_archive_end(storage_, keys(), before - 100h).value(), std::nullopt);
    sign();
    EXPECT_EQ(find_archive_end(storage_, keys(), before).value(), 3U) << "record 7 is of that moment";
    EXPECT_EQ(find_archive_end(storage_, keys(), before + 1s).value(), 7U);
    EXPECT_EQ(find_archive_end(storage_, {{}, std::string(32, '0')}, before).value(), std::nullopt)
        << "another key's";
    ASSERT_EQ(archive(3).value(), true);
    EXPECT_EQ(find_archive_end(storage_, keys(), before).value(), std::nullopt) << "archived already";
}

TEST_F(ArchiveStoreTest, RemovesUpToThereAndSaysSo) {
    write(5);
    const std::uint64_t last = sign();
    write(2);
    std::string hash;
    ASSERT_TRUE(storage_.visit_records(last, last, [&](const LedgerRecord& record) {
        hash = record.hash;
        return true;
    }));
    ASSERT_EQ(archive(last).value(), true);
    EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{6, 7, 8}));
    const ArchivedEnd end = archived_end(storage_).value();
    EXPECT_EQ(end.seq, 5U);
    EXPECT_EQ(end.hash, hash);
    EXPECT_EQ(format_timestamp(end.time), "2026-04-01T05:00:00.000000Z");
    EXPECT_EQ(load_checkpoints(storage_, keys(), 0, 100)->size(), 1U) << "bundles begin there";
    ASSERT_TRUE(storage_.visit_opened_records(8, 8, [&](const LedgerRecord& record, const Opening* opening) {
        EXPECT_EQ(record.kind, "ledger.archived");
        const boost::json::value payload = boost::json::parse(record.payload);
        EXPECT_EQ(payload.at("last_seq"), 5);
        EXPECT_EQ(payload.at("last_hash").as_string(), hex_encode(hash));
        EXPECT_EQ(payload.at("bundle_sha256").as_string(), std::string(64, 'a'));
        EXPECT_EQ(opening != nullptr ? opening->value : "", R"({"uid":31337})");
        return true;
    }));
}

TEST_F(ArchiveStoreTest, WhatIsNotArchivedCannotBeRemoved) {
    write(5);
    const std::uint64_t last = sign();
    write(2);
    EXPECT_FALSE(storage_.database().execute("DELETE FROM ledger WHERE seq = 1"));
    ASSERT_EQ(archive(last).value(), true);
    EXPECT_FALSE(storage_.database().execute("DELETE FROM ledger WHERE seq = 6"));
    EXPECT_FALSE(storage_.database().execute("UPDATE ledger SET kind = '' WHERE seq = 6"));
    EXPECT_FALSE(archive(last)) << "it is gone already";
    EXPECT_EQ(numbers().size(), 3U);
}

TEST_F(ArchiveStoreTest, GoesStepByStep) {
    write(archive_step_records + 5);
    const std::uint64_t last = sign();
    EXPECT_EQ(archive(last).value(), false);
    EXPECT_EQ(archived_end(storage_)->seq, archive_step_records);
    EXPECT_EQ(numbers().front(), archive_step_records + 1);
    EXPECT_EQ(storage_.head_seq(), last) << "it is said at the end";
    EXPECT_EQ(bundle_beginning(storage_, keys()).value(), last) << "the bundle has what is before it";
    EXPECT_EQ(find_archive_end(storage_, keys(), clock_.time + 1h).value(), std::nullopt);
    EXPECT_EQ(archive(last).value(), true);
    EXPECT_EQ(numbers(), std::vector{last + 1});
    EXPECT_EQ(bundle_beginning(storage_, keys()).value(), last);
}

TEST_F(ArchiveStoreTest, UnreadableRecordStaysWithAllOthers) {
    write(2);
    ASSERT_TRUE(storage_.write([&] { return storage_.append("session.used", {{"uses", 1}}); }));
    const auto done = archive(sign());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "ledger.unreadable");
    EXPECT_EQ(done.error().object, "3");
    EXPECT_EQ(numbers().size(), 3U);
    EXPECT_EQ(archived_end(storage_)->seq, 0U);
    const auto again = archive(2);
    EXPECT_TRUE(again) << "nothing of it was left behind: " << to_string(again.error());
}

TEST_F(ArchiveStoreTest, KeysThatSignedBeforeAreKnownOn) {
    const std::string path = (folder_.path() / "workstation.key").string();
    const WorkstationKey first = load_workstation_key(storage_, path).value();
    write(2);
    const WorkstationKey second = std::move(rotate_workstation_key(storage_, first, path)->key);
    write(2);
    const std::uint64_t last = add_checkpoint(storage_, second)->checkpoint.seq;
    ASSERT_EQ(archive(last).value(), true);
    const auto rotations = load_rotations(storage_, second.public_key(), storage_.head_seq()).value();
    ASSERT_EQ(rotations.size(), 1U);
    EXPECT_EQ(rotations.front().rotation.seq, 3U);
    EXPECT_EQ(load_workstation_key(storage_, path)->public_key(), second.public_key());
}

TEST_F(ArchiveStoreTest, LateLoginIsStillJudged) {
    write(5);
    const std::uint64_t last = sign();
    ASSERT_EQ(archive(last).value(), true);
    clock_.time += 48h;
    clock_.uptime = 72h;
    ASSERT_TRUE(storage_.write([&] { return storage_.append("coverage.absence", {}); }));
    const Timestamp claimed = clock_.time - 24h;
    EXPECT_EQ(believable_start(storage_, claimed).value(), claimed) << "the service was away then";
}

} // namespace
} // namespace ukey
