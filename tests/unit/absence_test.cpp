// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/absence.hpp"

#include <gtest/gtest.h>

#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

using namespace std::chrono_literals;

const Timestamp noon = parse_timestamp("2026-04-15T12:00:00Z").value();

/// A computer that was started at noon; times are minutes after that.
class AbsenceTest : public ::testing::Test {
  protected:
    void record(std::chrono::minutes time, const std::string& kind, const boost::json::object& payload = {}) {
        set(time);
        EXPECT_TRUE(storage_.write([&] { return storage_.append(kind, payload); }));
    }

    void set(std::chrono::minutes time) {
        clock_.time = noon + time;
        clock_.uptime = time;
    }

    /// In minutes after noon.
    std::int64_t believed(std::chrono::minutes claimed) {
        return std::chrono::duration_cast<std::chrono::minutes>(
                   believable_start(storage_, noon + claimed).value() - noon)
            .count();
    }

    test::TemporaryFolder folder_;
    test::SetClock clock_;
    Storage storage_ = Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value();
};

TEST_F(AbsenceTest, WhileTheServiceWasStopped) {
    record(1min, "daemon.started");
    record(20min, "key.inserted");
    record(40min, "daemon.stopped");
    record(60min, "daemon.started");
    record(80min, "key.removed");
    set(100min);
    EXPECT_EQ(believed(50min), 50);
    EXPECT_EQ(believed(0min), 0) << "before the service's first start";
    EXPECT_EQ(believed(20min), 100) << "it was there";
    EXPECT_EQ(believed(30min), 100) << "it was there";
    EXPECT_EQ(believed(70min), 100) << "it was there";
    EXPECT_EQ(believed(90min), 100) << "it was there";
    EXPECT_EQ(believed(96min), 96) << "it may have been on its way";
    EXPECT_EQ(believed(101min), 100) << "it lies ahead";
    EXPECT_EQ(believed(-1min), 100) << "before the computer's start";
}

TEST_F(AbsenceTest, AbsenceIsOnRecordBeforeTheStart) {
    record(1min, "daemon.started");
    record(40min, "daemon.stopped");
    record(60min, "coverage.absence");
    record(60min, "daemon.started");
    set(100min);
    EXPECT_EQ(believed(50min), 50);
    EXPECT_EQ(believed(30min), 100) << "it was there";
    EXPECT_EQ(believed(70min), 100) << "it was there";
}

TEST_F(AbsenceTest, AfterTheLastSignOfLifeOfAKilledService) {
    record(1min, "daemon.started");
    record(20min, "key.inserted");
    record(60min, "daemon.unclean", {{"last_alive", format_timestamp(noon + 40min)}});
    record(60min, "daemon.started");
    set(100min);
    EXPECT_EQ(believed(30min), 100) << "it lived until 40";
    EXPECT_EQ(believed(36min), 36) << "it may have been killed before it came to it";
    EXPECT_EQ(believed(50min), 50);
    EXPECT_EQ(believed(61min), 100);
}

TEST_F(AbsenceTest, StartInARestoredStateSaysFirstWhereItsLedgerComesFrom) {
    record(1min, "daemon.started");
    record(20min, "key.inserted");
    record(60min, "state.restored");
    record(60min, "daemon.unclean", {{"last_alive", format_timestamp(noon + 40min)}});
    record(60min, "coverage.absence");
    set(100min);
    EXPECT_EQ(believed(30min), 100) << "it lived until 40";
    EXPECT_EQ(believed(50min), 50);
    EXPECT_EQ(believed(70min), 100);
}

TEST_F(AbsenceTest, SeveralAbsencesInALongLedger) {
    record(0min, "daemon.started");
    for (int hour = 0; hour < 20; ++hour) {
        const auto begin = std::chrono::minutes(hour * 60);
        for (int minute = 1; minute < 30; ++minute) {
            record(begin + std::chrono::minutes(minute), "key.inserted");
        }
        record(begin + 30min, "daemon.stopped");
        record(begin + 59min, "daemon.started");
    }
    set(2000min);
    for (int hour = 0; hour < 20; ++hour) {
        EXPECT_EQ(believed(std::chrono::minutes(hour * 60 + 45)), hour * 60 + 45);
        EXPECT_EQ(believed(std::chrono::minutes(hour * 60 + 15)), 2000);
    }
}

TEST_F(AbsenceTest, ServiceWithoutARecordWasNeverAway) {
    set(100min);
    EXPECT_EQ(believed(50min), 100);
}

} // namespace
} // namespace ukey
