// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/lifecycle_store.hpp"

#include <gtest/gtest.h>

#include "daemon/store/session_store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

class LifecycleStoreTest : public ::testing::Test {
  protected:
    Storage open() { return Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value(); }

    static void begin_session(Storage& storage, char digit) {
        LoginSession session;
        session.login = std::string(32, digit);
        ASSERT_TRUE(start_session(storage, session));
    }

    static std::vector<std::string> kinds(Storage& storage) {
        std::vector<std::string> kinds;
        EXPECT_TRUE(storage.visit_records(1, 0, [&](const LedgerRecord& record) {
            kinds.push_back(record.kind);
            return true;
        }));
        return kinds;
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
};

TEST_F(LifecycleStoreTest, NothingIsWrittenAfterTheStop) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}));
    ASSERT_TRUE(record_stop(storage));
    LoginSession session;
    session.login = std::string(32, 'a');
    EXPECT_FALSE(start_session(storage, session));
    EXPECT_EQ(kinds(storage), (std::vector<std::string>{"daemon.started", "daemon.stopped"}));
    Storage again = open();
    EXPECT_EQ(record_start(again, {}).value(), 0U);
    EXPECT_EQ(kinds(again).back(), "daemon.started");
    EXPECT_EQ(kinds(again).size(), 3U);
}

TEST_F(LifecycleStoreTest, RecordAfterTheStopShowsAnUncleanEnd) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}));
    ASSERT_TRUE(storage.write([&] { return storage.append("daemon.stopped", {}); })); // as older services did
    begin_session(storage, 'a');
    EXPECT_EQ(record_start(storage, {}).value(), 1U);
    EXPECT_EQ(kinds(storage),
              (std::vector<std::string>{"daemon.started", "daemon.stopped", "session.started",
                                        "daemon.unclean", "session.ended", "daemon.started"}));
}

TEST_F(LifecycleStoreTest, SessionThatACleanStopLeftOpenEndsWithTheNextStart) {
    Storage storage = open();
    ASSERT_TRUE(record_start(storage, {}));
    begin_session(storage, 'a');
    ASSERT_TRUE(storage.write([&] { return storage.append("daemon.stopped", {}); }));
    EXPECT_EQ(record_start(storage, {}).value(), 1U);
    EXPECT_EQ(find_session(storage, std::string(32, 'a'), std::nullopt).value().end_reason,
              EndReason::unclean);
}

} // namespace
} // namespace ukey
