// SPDX-License-Identifier: Apache-2.0
// The power goes at any write: what was acknowledged is there, and nothing needs repair.
#include <chrono>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "daemon/store/session_store.hpp"

#include "tests/durability/history.hpp"
#include "tests/durability/ledger_check.hpp"
#include "tests/durability/losing_vfs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

/// So many power losses in a history, and so many histories.
constexpr int losses_each = 60;
constexpr int histories = 10;
constexpr int steps = 400;

class PowerLossTest : public ::testing::Test {
  protected:
    /// Of all changes of files in a history, one in so many is the moment of a loss.
    void play(std::uint64_t seed, std::uint64_t one_in) {
        const test::TemporaryFolder folder;
        const std::string path = (folder.path() / "ukeyd.db").string();
        test::LosingVfs disk;
        std::mt19937_64 random(seed);
        test::History history(seed);
        int left = losses_each;
        disk.before_change = [&](std::uint64_t /*number*/) {
            if (left > 0 && random() % one_in == 0) {
                --left;
                lose_power(disk, random, history.acknowledged());
            }
            return SQLITE_OK;
        };
        auto storage = Storage::open(path, clock_);
        ASSERT_TRUE(storage) << to_string(storage.error());
        ASSERT_TRUE(history.start(*storage));
        for (int step = 0; step < steps && !HasFailure(); ++step) {
            ASSERT_TRUE(history.step(*storage));
        }
        disk.before_change = nullptr;
    }

    void lose_power(test::LosingVfs& disk, std::mt19937_64& random, const test::Acknowledged& acknowledged) {
        const test::TemporaryFolder image;
        disk.write_image(image.path(), random);
        disk.watch(false);
        const std::string problem =
            test::why_not_whole((image.path() / "ukeyd.db").string(), acknowledged, false);
        disk.watch(true);
        EXPECT_EQ(problem, "");
        ++losses_;
    }

    SystemClock clock_;
    int losses_ = 0;
};

TEST_F(PowerLossTest, NothingAcknowledgedIsLost) {
    const auto seed = static_cast<std::uint64_t>(std::random_device()());
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    for (int number = 0; number < histories && !HasFailure(); ++number) {
        play(seed + static_cast<std::uint64_t>(number), 80);
    }
    std::printf("%d losses of power\n", losses_);
    EXPECT_GT(losses_, histories * losses_each / 2);
}

TEST_F(PowerLossTest, NewDatabaseIsMadeOrNot) {
    play(1, 1); // each of the first changes: the database's own making
    EXPECT_EQ(losses_, losses_each);
}

/// The proof that the disk that loses data loses it: without syncs acknowledged records are gone.
TEST_F(PowerLossTest, DiskThatIsNotSyncedLosesThem) {
    const test::TemporaryFolder folder;
    test::LosingVfs disk;
    std::mt19937_64 random(1);
    test::History history(1);
    auto storage = Storage::open((folder.path() / "ukeyd.db").string(), clock_);
    ASSERT_TRUE(storage);
    ASSERT_TRUE(history.start(*storage));
    ASSERT_TRUE(storage->database().execute("PRAGMA synchronous=OFF"));
    int lost = 0;
    for (int step = 0; step < 20; ++step) {
        LoginSession session;
        session.login = std::string(32, static_cast<char>('a' + step));
        ASSERT_TRUE(start_session(*storage, session));
        test::Acknowledged acknowledged;
        acknowledged.head_seq = storage->head_seq();
        acknowledged.head_hash = storage->head_hash();
        const test::TemporaryFolder image;
        disk.write_image(image.path(), random);
        disk.watch(false);
        lost +=
            test::why_not_whole((image.path() / "ukeyd.db").string(), acknowledged, false).empty() ? 0 : 1;
        disk.watch(true);
    }
    EXPECT_GT(lost, 10);
}

} // namespace
} // namespace ukey
