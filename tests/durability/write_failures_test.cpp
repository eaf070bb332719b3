// SPDX-License-Identifier: Apache-2.0
// A full disk or a broken one, at each single change of a file: what is refused leaves nothing, what is
// acknowledged stays, and when the disk is well again the service goes on.
#include <limits>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/durability/history.hpp"
#include "tests/durability/ledger_check.hpp"
#include "tests/durability/losing_vfs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

constexpr int steps = 20;
constexpr std::uint64_t seed = 7;

enum class Duration { once, for_some_changes, until_mended };

struct Failure {
    const char* name;
    int code;
    Duration duration;
};

bool fails(const Failure& failure, std::uint64_t at, std::uint64_t change) {
    switch (failure.duration) {
    case Duration::once:
        return change == at;
    case Duration::for_some_changes:
        return change >= at && change < at + 40;
    case Duration::until_mended:
        return change >= at;
    }
    return false;
}

class WriteFailuresTest : public ::testing::TestWithParam<Failure> {
  protected:
    /// Returns how many changes of files there were; 0: a failure of the test was reported.
    std::uint64_t play(std::uint64_t failing_change) {
        const test::TemporaryFolder folder;
        const std::string path = (folder.path() / "ukeyd.db").string();
        test::LosingVfs disk;
        disk.before_change = [&](std::uint64_t change) {
            return fails(GetParam(), failing_change, change) ? GetParam().code : SQLITE_OK;
        };
        test::History history(seed);
        bool all_done = true;
        if (auto storage = Storage::open(path, clock_)) {
            all_done = history.start(*storage);
            for (int step = 0; step < steps; ++step) {
                all_done = history.step(*storage) && all_done;
            }
            disk.before_change = nullptr; // the disk is well again, and the service has not been restarted
            EXPECT_TRUE(history.step(*storage));
            EXPECT_TRUE(history.step(*storage));
            refused_ += all_done ? 0 : 1;
        } else {
            EXPECT_NE(storage.error().code, "state.corrupt") << "nobody would wait for the disk to be mended";
            disk.before_change = nullptr;
            ++not_opened_;
        }
        const std::uint64_t changes = disk.changes();
        disk.watch(false);
        EXPECT_EQ(test::why_not_whole(path, history.acknowledged(), true), "");
        return changes;
    }

    SystemClock clock_;
    int refused_ = 0;
    int not_opened_ = 0;
};

TEST_P(WriteFailuresTest, AtEachChangeOfAFile) {
    const std::uint64_t changes = play(std::numeric_limits<std::uint64_t>::max() / 2); // none fails
    ASSERT_GT(changes, 100U);
    for (std::uint64_t at = 1; at <= changes && !HasFailure(); ++at) {
        SCOPED_TRACE("change " + std::to_string(at));
        play(at);
    }
    std::printf("%llu changes: the database could not be opened %d times, something was refused %d times\n",
                static_cast<unsigned long long>(changes), not_opened_, refused_);
    EXPECT_GT(refused_, 10) << "the failures came to nothing";
    EXPECT_GT(not_opened_, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Disks, WriteFailuresTest,
    ::testing::Values(Failure{"FullOnce", SQLITE_FULL, Duration::once},
                      Failure{"FullForAWhile", SQLITE_FULL, Duration::for_some_changes},
                      Failure{"SyncFailsForAWhile", SQLITE_IOERR_FSYNC, Duration::for_some_changes},
                      Failure{"Broken", SQLITE_IOERR_WRITE, Duration::until_mended}),
    [](const ::testing::TestParamInfo<Failure>& disk) { return std::string(disk.param.name); });

} // namespace
} // namespace ukey
