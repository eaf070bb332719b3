// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_report.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

constexpr std::uint64_t rv_pin_incorrect = 0xA0; // PKCS#11 2.40 §5.1

class LoginReportTest : public ::testing::Test {
  protected:
    static std::string login(char digit) { return std::string(32, digit); }

    static LoginReport beginning(char digit, std::uint64_t rv = 0) {
        LoginReport report;
        report.login = login(digit);
        ToldLogin told;
        told.session.login = report.login;
        told.rv = rv;
        report.what = told;
        return report;
    }

    static LoginReport end(char digit, bool own) {
        LoginReport report;
        report.login = login(digit);
        report.what = ToldEnd{.own = own, .how = {EndReason::logout, Timestamp(), 2}};
        return report;
    }

    std::vector<std::string> kinds() {
        std::vector<std::string> kinds;
        EXPECT_TRUE(storage_.visit_records(1, 0, [&](const LedgerRecord& record) {
            kinds.push_back(record.kind);
            return true;
        }));
        return kinds;
    }

    /// As a shared commit of the store thread does it.
    Result<void> write(std::vector<LoginReport>& reports,
                       const std::map<std::string, Error>& unwritten = {}) {
        storage_.begin_together();
        tried_ = write_reports(storage_, reports, unwritten);
        return storage_.end_together();
    }

    /// Lets one login be refused by the database, as a full disk would.
    void refuse(char digit) {
        ASSERT_TRUE(
            storage_.database().execute("CREATE TRIGGER refuse BEFORE INSERT ON session WHEN NEW.login = '" +
                                        login(digit) + "' BEGIN SELECT RAISE(ABORT, 'refused'); END"));
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
    Storage storage_ = Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value();
    std::size_t tried_ = 0;
};

TEST_F(LoginReportTest, LoginAndItsEndMayBeToldTogether) {
    std::vector<LoginReport> reports{beginning('a'), end('a', false), beginning('b'),
                                     beginning('c', rv_pin_incorrect)};
    ASSERT_TRUE(write(reports));
    EXPECT_EQ(tried_, 4U);
    EXPECT_EQ(kinds(), (std::vector<std::string>{"session.started", "session.ended", "session.started",
                                                 "login.failed"}));
    EXPECT_TRUE(std::get<ToldLogin>(reports[0].what).started);
    EXPECT_TRUE(std::get<ToldEnd>(reports[1].what).own);
    const auto session = find_session(storage_, login('a'), std::nullopt);
    ASSERT_TRUE(session);
    EXPECT_EQ(session->uses, 2U);
    EXPECT_EQ(session->end_reason, EndReason::logout);
}

TEST_F(LoginReportTest, FailureTakesOnlyTheEndOfItsOwnLoginAlong) {
    refuse('b');
    std::vector<LoginReport> reports{beginning('a'), beginning('b'), end('b', false), end('a', false)};
    ASSERT_TRUE(write(reports));
    EXPECT_TRUE(reports[0].done);
    ASSERT_FALSE(reports[1].done);
    ASSERT_FALSE(reports[2].done)
        << "an end without its beginning would be lost when the beginning is told again";
    EXPECT_EQ(reports[2].done.error().code, reports[1].done.error().code);
    EXPECT_TRUE(reports[3].done);
    EXPECT_EQ(kinds(), (std::vector<std::string>{"session.started", "session.ended"}));
}

TEST_F(LoginReportTest, EndWaitsForABeginningThatFailedBefore) {
    const std::map<std::string, Error> unwritten{{login('a'), Error{"state.full", "write", "", ""}}};
    std::vector<LoginReport> first{end('a', true)};
    ASSERT_TRUE(write(first, unwritten));
    EXPECT_EQ(tried_, 0U);
    ASSERT_FALSE(first[0].done);
    EXPECT_EQ(first[0].done.error().code, "state.full");

    std::vector<LoginReport> again{beginning('a'), end('a', false)};
    ASSERT_TRUE(write(again, unwritten));
    EXPECT_TRUE(again[0].done);
    EXPECT_TRUE(again[1].done);
    EXPECT_EQ(kinds(), (std::vector<std::string>{"session.started", "session.ended"}));
}

TEST_F(LoginReportTest, NeitherAnothersEndNorOneTooManyIsWritten) {
    std::vector<LoginReport> own{beginning('a')};
    ASSERT_TRUE(write(own));
    std::vector<LoginReport> others{end('a', false), beginning('a'), end('a', false), beginning('b')};
    others[3].admitted = false;
    ASSERT_TRUE(write(others));
    EXPECT_TRUE(others[0].done);
    EXPECT_FALSE(std::get<ToldLogin>(others[1].what).started) << "it is known, and open";
    EXPECT_FALSE(std::get<ToldEnd>(others[2].what).own)
        << "to tell a known login again makes nobody its owner";
    EXPECT_EQ(kinds(), (std::vector<std::string>{"session.started"}));
}

} // namespace
} // namespace ukey
