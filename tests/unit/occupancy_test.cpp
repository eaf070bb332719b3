// SPDX-License-Identifier: Apache-2.0
#include "daemon/occupancy.hpp"

#include <utmpx.h>

#include <cstring>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

using namespace std::chrono_literals;

class OccupancyTest : public ::testing::Test {
  protected:
    /// Appends to a log as login programs and systemd do.
    void log(std::chrono::minutes after, short type, const std::string& line, const std::string& user,
             const std::string& name = "wtmp") {
        utmpx entry{};
        entry.ut_type = type;
        std::strncpy(entry.ut_line, line.c_str(), sizeof entry.ut_line - 1);
        std::strncpy(entry.ut_user, user.c_str(), sizeof entry.ut_user - 1);
        entry.ut_tv.tv_sec = static_cast<std::int32_t>(
            std::chrono::duration_cast<std::chrono::seconds>((noon_ + after).time_since_epoch()).count());
        std::ofstream stream(folder_.path() / name, std::ios::binary | std::ios::app);
        stream.write(reinterpret_cast<const char*>(&entry), sizeof entry);
    }
    void boot(std::chrono::minutes after) { log(after, BOOT_TIME, "~", "reboot"); }
    void shut_down(std::chrono::minutes after) { log(after, RUN_LVL, "~~", "shutdown"); }
    void log_in(std::chrono::minutes after, const std::string& line = "tty1") {
        log(after, USER_PROCESS, line, "anyone");
    }
    void log_out(std::chrono::minutes after, const std::string& line = "tty1") {
        log(after, DEAD_PROCESS, line, "");
    }

    /// In minutes after noon.
    using Minutes = std::vector<std::pair<long, long>>;
    std::optional<Minutes> occupied(std::chrono::minutes from, std::chrono::minutes to) {
        const auto spans = occupied_times({path("wtmp.1"), path("wtmp")}, {noon_ + from, noon_ + to});
        if (!spans) {
            return std::nullopt;
        }
        Minutes minutes;
        for (const TimeSpan& span : *spans) {
            minutes.emplace_back((span.from - noon_) / 1min, (span.to - noon_) / 1min);
        }
        return minutes;
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    const Timestamp noon_ = parse_timestamp("2026-04-10T12:00:00Z").value();
    test::TemporaryFolder folder_;
};

TEST_F(OccupancyTest, NoLogIsNotKnown) {
    EXPECT_EQ(occupied(0min, 10min), std::nullopt);
}

TEST_F(OccupancyTest, EmptyLogIsNotKnown) {
    std::ofstream(path("wtmp"));
    EXPECT_EQ(occupied(0min, 10min), std::nullopt);
}

TEST_F(OccupancyTest, NobodyIsThere) {
    boot(-60min);
    EXPECT_EQ(occupied(0min, 10min), Minutes{});
}

TEST_F(OccupancyTest, SomebodyStaysAllTheTime) {
    boot(-60min);
    log_in(-50min);
    EXPECT_EQ(occupied(0min, 10min), (Minutes{{0, 10}}));
}

TEST_F(OccupancyTest, ComesAndGoesWithin) {
    boot(-60min);
    log_in(2min);
    log_out(5min);
    log_in(7min);
    EXPECT_EQ(occupied(0min, 10min), (Minutes{{2, 5}, {7, 10}}));
}

TEST_F(OccupancyTest, LastOneToGoEndsIt) {
    boot(-60min);
    log_in(1min, "tty1");
    log_in(2min, "pts/0");
    log_out(3min, "tty1");
    log_out(8min, "pts/0");
    EXPECT_EQ(occupied(0min, 10min), (Minutes{{1, 8}}));
}

TEST_F(OccupancyTest, ShutdownEndsItUntilTheNextLogin) {
    boot(-60min);
    log_in(-50min);
    shut_down(1min);
    boot(100min);
    log_in(110min);
    EXPECT_EQ(occupied(0min, 120min), (Minutes{{0, 1}, {110, 120}}));
}

TEST_F(OccupancyTest, ComputerThatLostItsPowerWasOnForFiveMinutesAtTheMost) {
    boot(-60min);
    log_in(-50min);
    boot(600min);
    EXPECT_EQ(occupied(0min, 601min), (Minutes{{0, 5}}));
    EXPECT_EQ(occupied(599min, 601min), (Minutes{{599, 600}}));
}

TEST_F(OccupancyTest, BeforeTheOldestEntryNothingIsKnown) {
    boot(5min);
    EXPECT_EQ(occupied(0min, 10min), (Minutes{{0, 5}}));
    EXPECT_EQ(occupied(0min, 3min), (Minutes{{0, 3}}));
}

TEST_F(OccupancyTest, LogThatWasTurnedOverIsReadFirst) {
    log(-60min, BOOT_TIME, "~", "reboot", "wtmp.1");
    log(1min, USER_PROCESS, "tty1", "anyone", "wtmp.1");
    log_out(4min);
    EXPECT_EQ(occupied(0min, 10min), (Minutes{{1, 4}}));
}

TEST_F(OccupancyTest, HalfAnEntryAtTheEndIsLeftOut) {
    boot(-60min);
    log_in(1min);
    std::ofstream(path("wtmp"), std::ios::binary | std::ios::app) << "half";
    EXPECT_EQ(occupied(0min, 10min), (Minutes{{1, 10}}));
}

} // namespace
} // namespace ukey
