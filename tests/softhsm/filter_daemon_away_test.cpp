// SPDX-License-Identifier: Apache-2.0
// Logins while the daemon is absent, silent, restarted or talking nonsense.
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {
namespace {

using Answer = LoginPeer::Answer;

class FilterDaemonAwayTest : public FilterTest {
  protected:
    /// To be called before the module is loaded.
    static void set_wait_ms(const char* wait_ms) { setenv("UKEY_LOGIN_WAIT_MS", wait_ms, 1); }
};

TEST_F(FilterDaemonAwayTest, absent_daemon_is_told_late_in_order_and_once) {
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(session);
    ASSERT_EQ(sign(session, key), CKR_OK);
    ASSERT_EQ(sign(session, key), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    start_peer();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const auto messages = peer().messages();
    ASSERT_EQ(texts(messages, "type"), (std::vector<std::string>{"ask", "result", "end", "result"}));
    EXPECT_TRUE(messages[1].at("late").as_bool());
    EXPECT_TRUE(messages[1].at("verdict").is_null());
    EXPECT_TRUE(messages[1].at("default_pin").as_bool());
    EXPECT_EQ(messages[1].at("uses").to_number<int>(), 2);
    EXPECT_TRUE(messages[2].at("late").as_bool());
    EXPECT_EQ(messages[2].at("login"), messages[1].at("login"));
    EXPECT_EQ(messages[2].at("uses").to_number<int>(), 2);
    EXPECT_FALSE(messages[3].at("late").as_bool());
    EXPECT_EQ(messages[3].at("verdict").as_string(), "allow");
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(peer().messages().size(), 5U);
}

TEST_F(FilterDaemonAwayTest, restarted_daemon_is_told_of_the_open_login) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const auto first = peer().messages("result");
    ASSERT_EQ(sign(session, make_key(session)), CKR_OK);
    stop_peer();
    start_peer();
    ASSERT_EQ(set_pin(session, default_pin, default_pin), CKR_OK);
    auto messages = peer().messages();
    ASSERT_EQ(texts(messages, "type"), (std::vector<std::string>{"result", "pin"}));
    EXPECT_EQ(messages[0].at("login"), first.at(0).at("login"));
    EXPECT_EQ(messages[0].at("started_at"), first.at(0).at("started_at"));
    EXPECT_TRUE(messages[0].at("late").as_bool());
    EXPECT_EQ(messages[0].at("uses").to_number<int>(), 1);
    EXPECT_FALSE(messages[1].at("late").as_bool());
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    messages = peer().messages("end");
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].at("login"), first.at(0).at("login"));
    EXPECT_FALSE(messages[0].at("late").as_bool());
}

TEST_F(FilterDaemonAwayTest, first_use_without_a_daemon_is_told_to_the_next_one) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(session);
    stop_peer();
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(sign(session, key), CKR_OK);
    }
    start_peer();
    ASSERT_EQ(filter().C_CloseSession(session), CKR_OK);
    const auto messages = peer().messages();
    ASSERT_EQ(texts(messages, "type"), (std::vector<std::string>{"result", "end"}));
    EXPECT_EQ(messages[1].at("uses").to_number<int>(), 3);
}

TEST_F(FilterDaemonAwayTest, silent_daemon_costs_one_bounded_wait) {
    set_wait_ms("200");
    start_peer(Answer::silent);
    const CK_SESSION_HANDLE session = open_session();
    const auto began = std::chrono::steady_clock::now();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const auto first = std::chrono::steady_clock::now() - began;
    EXPECT_GE(first, std::chrono::milliseconds(200));
    EXPECT_LT(first, std::chrono::seconds(3));
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    // No wait while it backs off: four reports went into the socket, one question was asked.
    const auto messages = peer().wait_for("result", 2);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_TRUE(messages[0].at("late").as_bool());
    EXPECT_TRUE(messages[0].at("verdict").is_null());
    EXPECT_EQ(peer().messages("ask").size(), 1U);
}

TEST_F(FilterDaemonAwayTest, what_was_not_confirmed_is_told_again) {
    set_wait_ms("200");
    start_peer(Answer::silent_result);
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    const auto unconfirmed = peer().wait_for("end", 1);
    ASSERT_EQ(unconfirmed.size(), 1U);
    stop_peer();
    start_peer();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const auto messages = peer().messages();
    ASSERT_EQ(texts(messages, "type"), (std::vector<std::string>{"ask", "result", "end", "result"}));
    EXPECT_EQ(messages[1].at("login"), unconfirmed[0].at("login"));
    EXPECT_TRUE(messages[1].at("late").as_bool());
    EXPECT_EQ(messages[2].at("login"), unconfirmed[0].at("login"));
}

TEST_F(FilterDaemonAwayTest, what_could_not_be_written_is_told_again) {
    start_peer(Answer::write_failed);
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    peer().answer_with(Answer::allow);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    const auto results = peer().messages("result");
    ASSERT_EQ(results.size(), 2U);
    EXPECT_EQ(results[0].at("login"), results[1].at("login"));
    EXPECT_FALSE(results[0].at("late").as_bool());
    EXPECT_TRUE(results[1].at("late").as_bool());
    EXPECT_EQ(peer().messages("end").size(), 1U);
    EXPECT_FALSE(peer().messages().back().contains("dropped"));
}

TEST_F(FilterDaemonAwayTest, nonsense_is_no_verdict) {
    for (const Answer answer :
         {Answer::garbage, Answer::wrong_version, Answer::close, Answer::unknown_verdict}) {
        start_peer(answer);
        const CK_SESSION_HANDLE session = open_session();
        EXPECT_EQ(login(session, default_pin), CKR_OK) << static_cast<int>(answer);
        EXPECT_EQ(filter().C_CloseSession(session), CKR_OK);
        unload();
        stop_peer();
    }
}

TEST_F(FilterDaemonAwayTest, policy_may_refuse_without_the_daemon) {
    std::ofstream(path("pkcs11.conf")) << "# policy\nwithout_daemon = refuse\n";
    const CK_SESSION_HANDLE session = open_session();
    EXPECT_EQ(login(session, "wrong PIN"), CKR_FUNCTION_REJECTED);
    EXPECT_EQ(token_flags() & CKF_USER_PIN_COUNT_LOW, 0U);
    EXPECT_EQ(login(session, so_pin, CKU_SO), CKR_OK);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    start_peer();
    EXPECT_EQ(login(session, default_pin), CKR_OK);
}

TEST_F(FilterDaemonAwayTest, pending_reports_are_bounded_and_the_lost_ones_counted) {
    const CK_SESSION_HANDLE session = open_session();
    for (int round = 0; round < 40; ++round) {
        ASSERT_EQ(login(session, default_pin), CKR_OK);
        ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    }
    start_peer();
    ASSERT_EQ(filter().C_CloseSession(open_session()), CKR_OK);
    ASSERT_EQ(set_pin(session, "wrong PIN", default_pin), CKR_PIN_INCORRECT);
    EXPECT_EQ(peer().messages("result").size(), 32U);
    EXPECT_EQ(peer().messages("end").size(), 32U);
    EXPECT_EQ(peer().messages("pin").size(), 1U);
    EXPECT_EQ(peer().messages().back().at("dropped").to_number<int>(), 8);
}

TEST_F(FilterDaemonAwayTest, login_still_open_is_not_lost_to_the_bound) {
    const CK_SESSION_HANDLE session = open_session();
    for (int round = 0; round < 33; ++round) {
        ASSERT_EQ(login(session, default_pin), CKR_OK);
        if (round < 32) {
            ASSERT_EQ(filter().C_Logout(session), CKR_OK);
        }
    }
    start_peer();
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    const auto results = peer().messages("result");
    EXPECT_EQ(results.size(), 33U);
}

} // namespace
} // namespace ukey::test
