// SPDX-License-Identifier: Apache-2.0
// Logins while the daemon is absent, silent, restarted or talking nonsense.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {
namespace {

using Answer = LoginPeer::Answer;

class FilterDaemonAwayTest : public FilterTest {
  protected:
    /// To be called before the module is loaded.
    static void set_wait_ms(const char* wait_ms) { setenv("UKEY_LOGIN_WAIT_MS", wait_ms, 1); }

    std::chrono::steady_clock::duration time_of_login(CK_SESSION_HANDLE session) {
        const auto began = std::chrono::steady_clock::now();
        login(session, default_pin);
        return std::chrono::steady_clock::now() - began;
    }
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

TEST_F(FilterDaemonAwayTest, question_and_report_share_one_wait) {
    set_wait_ms("1000");
    start_peer(Answer::silent_result);
    peer().answer_questions_after(std::chrono::milliseconds(700));
    const auto took = time_of_login(open_session());
    EXPECT_GE(took, std::chrono::milliseconds(1000)) << "the answer, and the rest for the confirmation";
    EXPECT_LT(took, std::chrono::milliseconds(1500));
}

TEST_F(FilterDaemonAwayTest, waiting_for_another_threads_question_counts) {
    set_wait_ms("1000");
    start_peer();
    peer().answer_questions_after(std::chrono::milliseconds(700));
    const CK_SESSION_HANDLE first = open_session();
    const CK_SESSION_HANDLE second = open_session();
    std::chrono::steady_clock::duration first_took{};
    std::thread other([&] { first_took = time_of_login(first); });
    peer().wait_for("ask", 1);
    const auto took = time_of_login(second);
    other.join();
    EXPECT_LT(took, std::chrono::milliseconds(1350)) << "700 for the other's question, then 300";
    EXPECT_LT(first_took, std::chrono::milliseconds(1350));
    ASSERT_EQ(filter().C_Logout(first), CKR_OK);
    unload();
    // Whoever could not wait has left its report to the other.
    EXPECT_EQ(peer().messages("result").size(), 1U);
    EXPECT_EQ(peer().messages("end").size(), 1U);
}

TEST_F(FilterDaemonAwayTest, login_that_cannot_ask_for_another_threads_question_is_one_without_daemon) {
    std::ofstream(path("pkcs11.conf")) << "without_daemon = refuse\n";
    set_wait_ms("500");
    start_peer(Answer::silent);
    const CK_SESSION_HANDLE first = open_session();
    const CK_SESSION_HANDLE second = open_session();
    std::thread other([&] { EXPECT_EQ(login(first, default_pin), CKR_FUNCTION_REJECTED); });
    peer().wait_for("ask", 1);
    EXPECT_EQ(login(second, default_pin), CKR_FUNCTION_REJECTED);
    other.join();
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

TEST_F(FilterDaemonAwayTest, login_over_the_daemons_limit_is_told_later_with_its_end) {
    start_peer(Answer::rate_limited);
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(session);
    ASSERT_EQ(sign(session, key), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(peer().messages("result").size(), 1U) << "not again within the minute that was too full";
    EXPECT_TRUE(peer().messages("end").empty()) << "of what the daemon does not know";
    peer().answer_with(Answer::allow);
    unload();
    const auto results = peer().messages("result");
    ASSERT_EQ(results.size(), 2U);
    EXPECT_EQ(results[1].at("login"), results[0].at("login"));
    EXPECT_TRUE(results[1].at("late").as_bool());
    EXPECT_EQ(results[1].at("uses").to_number<int>(), 1);
    const auto ends = peer().messages("end");
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].at("login"), results[0].at("login"));
    EXPECT_FALSE(peer().messages().back().contains("dropped"));
}

TEST_F(FilterDaemonAwayTest, login_over_the_limit_that_ends_before_that_is_known_keeps_its_end) {
    set_wait_ms("200");
    start_peer(Answer::silent);
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK); // both are on their way, and nothing has been answered
    peer().wait_for("end", 1);
    stop_peer();
    start_peer(Answer::rate_limited);
    ASSERT_EQ(set_pin(session, default_pin, default_pin), CKR_OK); // both again, and the first is refused
    EXPECT_EQ(texts(peer().messages(), "type"), (std::vector<std::string>{"result", "end", "pin"}));
    peer().answer_with(Answer::allow);
    unload();
    EXPECT_EQ(texts(peer().messages(), "type"),
              (std::vector<std::string>{"result", "end", "pin", "result", "end"}));
}

TEST_F(FilterDaemonAwayTest, process_that_just_ends_tells_how_often_the_key_was_used) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(session);
    for (int round = 0; round < 5; ++round) {
        ASSERT_EQ(sign(session, key), CKR_OK);
    }
    unload_unfinished();
    ASSERT_TRUE(peer().wait_until_all_closed());
    const auto uses = peer().messages("use");
    ASSERT_EQ(uses.size(), 2U);
    EXPECT_EQ(uses[0].at("uses").to_number<int>(), 1);
    EXPECT_EQ(uses[1].at("uses").to_number<int>(), 5);
}

TEST_F(FilterDaemonAwayTest, process_that_just_ends_tells_a_restarted_daemon_of_its_login_and_uses) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(session);
    stop_peer();
    start_peer();
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(sign(session, key), CKR_OK);
    }
    unload_unfinished();
    const auto messages = peer().messages();
    ASSERT_EQ(texts(messages, "type"), (std::vector<std::string>{"result"}));
    EXPECT_EQ(messages[0].at("uses").to_number<int>(), 3);
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
