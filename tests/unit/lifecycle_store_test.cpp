// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/lifecycle_store.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "daemon/store/restoration_store.hpp"
#include "daemon/store/session_store.hpp"
#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

std::optional<std::vector<TimeSpan>> nobody(TimeSpan /*away*/) {
    return std::vector<TimeSpan>{};
}

std::vector<std::string> kinds(Storage& storage) {
    std::vector<std::string> kinds;
    EXPECT_TRUE(storage.visit_records(1, 0, [&](const LedgerRecord& record) {
        kinds.push_back(record.kind);
        return true;
    }));
    return kinds;
}

class LifecycleStoreTest : public ::testing::Test {
  protected:
    Storage open() { return Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value(); }

    static void begin_session(Storage& storage, char digit) {
        LoginSession session;
        session.login = std::string(32, digit);
        ASSERT_TRUE(start_session(storage, session));
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
};

TEST_F(LifecycleStoreTest, NothingIsWrittenAfterTheStop) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    ASSERT_TRUE(record_stop(storage));
    LoginSession session;
    session.login = std::string(32, 'a');
    EXPECT_FALSE(start_session(storage, session));
    EXPECT_EQ(kinds(storage), (std::vector<std::string>{"daemon.started", "daemon.stopped"}));
    Storage again = open();
    EXPECT_EQ(record_start(again, {}, nobody).value(), 0U);
    EXPECT_EQ(kinds(again).back(), "daemon.started");
    EXPECT_EQ(kinds(again).size(), 4U);
}

TEST_F(LifecycleStoreTest, RecordAfterTheStopShowsAnUncleanEnd) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    ASSERT_TRUE(storage.write([&] { return storage.append("daemon.stopped", {}); })); // as older services did
    begin_session(storage, 'a');
    EXPECT_EQ(record_start(storage, {}, nobody).value(), 1U);
    EXPECT_EQ(kinds(storage), (std::vector<std::string>{"daemon.started", "daemon.stopped", "session.started",
                                                        "daemon.unclean", "coverage.absence", "session.ended",
                                                        "daemon.started"}));
}

TEST_F(LifecycleStoreTest, SessionThatACleanStopLeftOpenEndsWithTheNextStart) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    begin_session(storage, 'a');
    ASSERT_TRUE(storage.write([&] { return storage.append("daemon.stopped", {}); }));
    EXPECT_EQ(record_start(storage, {}, nobody).value(), 1U);
    EXPECT_EQ(find_session(storage, std::string(32, 'a'), std::nullopt).value().end_reason,
              EndReason::unclean);
}

class AbsenceRecordTest : public ::testing::Test {
  protected:
    AbsenceRecordTest() { clock_.time = noon_; }

    Storage open() { return Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value(); }

    /// Of the last one of that kind.
    static std::string payload_of(Storage& storage, std::string_view kind) {
        std::string found;
        EXPECT_TRUE(storage.visit_records(1, 0, [&](const LedgerRecord& record) {
            found = record.kind == kind ? record.payload : found;
            return true;
        }));
        return found;
    }

    static boost::json::object absence(Storage& storage) {
        boost::json::object found;
        EXPECT_TRUE(storage.visit_records(1, 0, [&](const LedgerRecord& record) {
            if (record.kind == "coverage.absence") {
                found = boost::json::parse(record.payload).get_object();
            }
            return true;
        }));
        return found;
    }

    const Timestamp noon_ = parse_timestamp("2026-04-10T12:00:00Z").value();
    test::TemporaryFolder folder_;
    test::SetClock clock_;
};

TEST_F(AbsenceRecordTest, FirstStartFollowsNoAbsence) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    EXPECT_TRUE(absence(storage).empty());
}

TEST_F(AbsenceRecordTest, CleanStopToStartWithWhoWasThere) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    ASSERT_TRUE(record_stop(storage));
    clock_.time = noon_ + std::chrono::hours(3);
    Storage again = open();
    ASSERT_TRUE(record_start(again, {}, [](TimeSpan away) {
        return std::optional(std::vector<TimeSpan>{{away.from, away.from + std::chrono::hours(1)}});
    }));
    EXPECT_EQ(boost::json::serialize(absence(again)),
              R"({"from":"2026-04-10T12:00:00.000000Z","to":"2026-04-10T15:00:00.000000Z","unclean":false,)"
              R"("occupied":[["2026-04-10T12:00:00.000000Z","2026-04-10T13:00:00.000000Z"]]})");
}

TEST_F(AbsenceRecordTest, KilledServiceWasAwaySinceItsLastHeartbeat) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    clock_.time = noon_ + std::chrono::minutes(10);
    ASSERT_TRUE(record_heartbeat(storage));
    clock_.time = noon_ + std::chrono::hours(2);
    Storage again = open();
    ASSERT_TRUE(record_start(
        again, {}, [](TimeSpan /*away*/) -> std::optional<std::vector<TimeSpan>> { return std::nullopt; }));
    EXPECT_EQ(boost::json::serialize(absence(again)),
              R"({"from":"2026-04-10T12:10:00.000000Z","to":"2026-04-10T14:00:00.000000Z","unclean":true,)"
              R"("occupied":null})");
}

TEST_F(AbsenceRecordTest, ClockThatWentBackMakesNoNegativeAbsence) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    ASSERT_TRUE(record_stop(storage));
    clock_.time = noon_ - std::chrono::hours(1);
    Storage again = open();
    ASSERT_TRUE(record_start(again, {}, nobody));
    EXPECT_EQ(absence(again).at("from"), absence(again).at("to"));
}

TEST_F(AbsenceRecordTest, RestoredStateSaysSoFirstAndKnowsNothingOfTheTimeSince) {
    const Restoration restoration{.made = noon_ + std::chrono::minutes(11),
                                  .made_on = "old",
                                  .restored_on = "new",
                                  .last_seq = 1,
                                  .head = std::string(32, '\x0a')};
    {
        Storage storage = open();
        ASSERT_TRUE(record_start(storage, {}, nobody));
        clock_.time = noon_ + std::chrono::minutes(10);
        ASSERT_TRUE(record_heartbeat(storage));
        ASSERT_TRUE(storage.write([&] { return note_restoration(storage.database(), restoration); }));
        EXPECT_EQ(pending_restoration(storage.database()).value(), restoration);
        storage.seal(); // nothing can be written
        EXPECT_FALSE(record_start(storage, {}, nobody));
        EXPECT_EQ(pending_restoration(storage.database()).value(), restoration) << "the next start says it";
    }
    clock_.time = noon_ + std::chrono::days(3);
    Storage again = open();
    ASSERT_TRUE(record_start(again, {}, nobody));
    EXPECT_EQ(kinds(again), (std::vector<std::string>{"daemon.started", "state.restored", "daemon.unclean",
                                                      "coverage.absence", "daemon.started"}));
    EXPECT_EQ(payload_of(again, "state.restored"),
              R"({"made_at":"2026-04-10T12:11:00.000000Z","made_on":"old","restored_on":"new","last_seq":1,)"
              R"("head":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"})");
    EXPECT_EQ(payload_of(again, "coverage.absence"),
              R"({"from":"2026-04-10T12:10:00.000000Z","to":"2026-04-13T12:00:00.000000Z","unclean":true,)"
              R"("occupied":null})");
    EXPECT_EQ(pending_restoration(again.database()).value(), std::nullopt);
    ASSERT_TRUE(record_stop(again));
    Storage third = open();
    ASSERT_TRUE(record_start(third, {}, nobody));
    EXPECT_EQ(kinds(third).size(), 8U) << "only once";
}

TEST_F(AbsenceRecordTest, ManySpansAreWrittenAsOne) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}, nobody));
    ASSERT_TRUE(record_stop(storage));
    clock_.time = noon_ + std::chrono::hours(3);
    Storage again = open();
    ASSERT_TRUE(record_start(again, {}, [](TimeSpan away) {
        std::vector<TimeSpan> spans;
        for (int minute = 0; minute < 66; minute += 2) {
            spans.push_back(
                {away.from + std::chrono::minutes(minute), away.from + std::chrono::minutes(minute + 1)});
        }
        return std::optional(spans);
    }));
    const boost::json::object record = absence(again);
    EXPECT_EQ(boost::json::serialize(record.at("occupied")),
              R"([["2026-04-10T12:00:00.000000Z","2026-04-10T13:05:00.000000Z"]])");
}

} // namespace
} // namespace ukey
