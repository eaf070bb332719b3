// SPDX-License-Identifier: Apache-2.0
// What the filter asks, refuses and reports (docs/formats/channels.md §3).
#include <array>
#include <fstream>
#include <random>

#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {
namespace {

using Answer = LoginPeer::Answer;

std::string random_pin() {
    std::random_device source;
    std::string pin;
    for (int position = 0; position < 12; ++position) {
        pin.push_back(static_cast<char>('a' + source() % 26));
    }
    return pin;
}

class FilterLoginTest : public FilterTest {};

TEST_F(FilterLoginTest, denied_login_never_reaches_the_backend) {
    start_peer(Answer::deny);
    const CK_SESSION_HANDLE session = open_session();
    EXPECT_EQ(login(session, default_pin), CKR_FUNCTION_REJECTED);
    EXPECT_EQ(session_state(session), CKS_RW_PUBLIC_SESSION);
    EXPECT_EQ(login(session, "wrong PIN"), CKR_FUNCTION_REJECTED);
    EXPECT_EQ(token_flags() & CKF_USER_PIN_COUNT_LOW, 0U) << "the backend has seen the wrong PIN";
    EXPECT_EQ(peer().messages("ask").size(), 2U);
    EXPECT_TRUE(peer().messages("result").empty());
}

TEST_F(FilterLoginTest, default_pin_is_seen) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const auto asks = peer().messages("ask");
    ASSERT_EQ(asks.size(), 1U);
    const boost::json::object& token = asks[0].at("token").as_object();
    EXPECT_EQ(token.at("manufacturer").as_string(), "SoftHSM project");
    EXPECT_EQ(token.at("model").as_string(), "SoftHSM v2");
    EXPECT_EQ(token.at("label").as_string(), "教工支部");
    EXPECT_EQ(token.at("serial").as_string().size(), 16U);
    EXPECT_EQ(asks[0].at("claim").at("application").as_string(), "filter_test");
    const auto results = peer().messages("result");
    ASSERT_EQ(results.size(), 1U) << "C_Login must wait for the confirmation";
    EXPECT_EQ(results[0].at("rv").to_number<CK_RV>(), CKR_OK);
    EXPECT_TRUE(results[0].at("default_pin").as_bool());
    EXPECT_FALSE(results[0].at("late").as_bool());
    EXPECT_EQ(results[0].at("verdict").as_string(), "allow");
    EXPECT_EQ(results[0].at("uses").to_number<int>(), 0);
    EXPECT_EQ(results[0].at("login").as_string().size(), 32U);
    EXPECT_EQ(results[0].at("started_at").as_string().size(),
              std::string_view("2026-04-01T08:30:00.123456Z").size());
    EXPECT_GT(results[0].at("duration_us").to_number<int>(), 0);
    EXPECT_EQ(results[0].at("token"), asks[0].at("token"));
}

TEST_F(FilterLoginTest, pin_never_leaves_the_process) {
    start_peer(Answer::warn);
    const std::string first = random_pin();
    const std::string second = random_pin();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(set_pin(session, default_pin, first), CKR_OK);
    ASSERT_EQ(login(session, first), CKR_OK);
    EXPECT_EQ(set_pin(session, second, first), CKR_PIN_INCORRECT);
    EXPECT_EQ(set_pin(session, first, default_pin), CKR_OK);
    EXPECT_FALSE(peer().messages("result").at(0).at("default_pin").as_bool());
    const auto pins = peer().messages("pin");
    ASSERT_EQ(pins.size(), 3U);
    EXPECT_EQ(texts(pins, "function"), (std::vector<std::string>{"C_SetPIN", "C_SetPIN", "C_SetPIN"}));
    EXPECT_FALSE(pins[0].at("default_pin").as_bool());
    EXPECT_EQ(pins[1].at("rv").to_number<CK_RV>(), CKR_PIN_INCORRECT);
    EXPECT_TRUE(pins[1].at("default_pin").is_null());
    EXPECT_TRUE(pins[2].at("default_pin").as_bool());
    EXPECT_EQ(peer().bytes().find(first), std::string::npos);
    EXPECT_EQ(peer().bytes().find(second), std::string::npos);
}

TEST_F(FilterLoginTest, wrong_pin_is_reported_and_opens_nothing) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    EXPECT_EQ(login(session, "654321"), CKR_PIN_INCORRECT);
    EXPECT_EQ(filter().C_CloseSession(session), CKR_OK);
    const auto results = peer().messages("result");
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results[0].at("rv").to_number<CK_RV>(), CKR_PIN_INCORRECT);
    EXPECT_TRUE(results[0].at("default_pin").is_null());
    EXPECT_TRUE(peer().messages("end").empty());
}

TEST_F(FilterLoginTest, what_is_no_new_login_is_not_reported) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    EXPECT_EQ(login(session + 1000, default_pin), CKR_SESSION_HANDLE_INVALID);
    EXPECT_EQ(login(session, so_pin, CKU_SO), CKR_OK);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_TRUE(peer().messages().empty());
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_EQ(login(session, default_pin), CKR_USER_ALREADY_LOGGED_IN);
    EXPECT_EQ(peer().messages("ask").size(), 1U);
    EXPECT_EQ(peer().messages("result").size(), 1U);
}

TEST_F(FilterLoginTest, so_sets_the_users_pin) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, so_pin, CKU_SO), CKR_OK);
    EXPECT_EQ(set_pin(session, so_pin, so_pin), CKR_OK); // the SO's own PIN: not our business
    std::string pin(default_pin);
    EXPECT_EQ(filter().C_InitPIN(session, reinterpret_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size()), CKR_OK);
    const auto pins = peer().messages("pin");
    ASSERT_EQ(pins.size(), 1U);
    EXPECT_EQ(pins[0].at("function").as_string(), "C_InitPIN");
    EXPECT_TRUE(pins[0].at("default_pin").as_bool());
}

TEST_F(FilterLoginTest, policy_forbids_new_pins_that_everyone_knows) {
    std::ofstream(path("pkcs11.conf")) << "refuse_new_pins = 123456\t000000 12345678\n";
    start_peer();
    CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_EQ(set_pin(session, default_pin, "000000"), CKR_PIN_INVALID);
    EXPECT_EQ(set_pin(session, default_pin, "12345678"), CKR_PIN_INVALID);
    EXPECT_EQ(set_pin(session, "not it", default_pin), CKR_PIN_INVALID) << "no try is spent on it";
    EXPECT_EQ(set_pin(session, default_pin, "1234567"), CKR_OK) << "only whole PINs are compared";
    EXPECT_EQ(filter().C_SetPIN(session, nullptr, 0, nullptr, 0), CKR_ARGUMENTS_BAD)
        << "the backend's own answer";
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    ASSERT_EQ(login(session, so_pin, CKU_SO), CKR_OK);
    EXPECT_EQ(set_pin(session, so_pin, "12345678"), CKR_OK) << "the SO's own PIN: not our business";
    std::string pin(default_pin);
    const auto init_pin = [&] {
        return filter().C_InitPIN(session, reinterpret_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size());
    };
    EXPECT_EQ(init_pin(), CKR_PIN_INVALID);
    pin = "246802";
    EXPECT_EQ(init_pin(), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    pin = default_pin;
    EXPECT_EQ(init_pin(), CKR_USER_NOT_LOGGED_IN) << "the backend's own answer";
    EXPECT_EQ(login(session, "246802"), CKR_OK);
}

TEST_F(FilterLoginTest, uses_are_counted_and_told_once) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(session);
    EXPECT_EQ(peer().messages("use").size(), 0U);
    for (int round = 0; round < 5; ++round) {
        ASSERT_EQ(sign(session, key), CKR_OK);
    }
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    const auto uses = peer().messages("use");
    ASSERT_EQ(uses.size(), 1U);
    EXPECT_EQ(uses[0].at("uses").to_number<int>(), 1);
    EXPECT_EQ(uses[0].if_contains("request"), nullptr);
    const auto ends = peer().messages("end");
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].at("uses").to_number<int>(), 5);
    const std::string id(peer().messages("result").at(0).at("login").as_string());
    EXPECT_EQ(uses[0].at("login").as_string(), id);
    EXPECT_EQ(ends[0].at("login").as_string(), id);
}

TEST_F(FilterLoginTest, mac_with_a_session_key_is_no_use) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG length = 32;
    std::array<CK_ATTRIBUTE, 2> attributes{CK_ATTRIBUTE{CKA_SIGN, &yes, sizeof yes},
                                           CK_ATTRIBUTE{CKA_VALUE_LEN, &length, sizeof length}};
    CK_MECHANISM generate{CKM_GENERIC_SECRET_KEY_GEN, nullptr, 0};
    CK_MECHANISM mac{CKM_SHA256_HMAC, nullptr, 0};
    CK_OBJECT_HANDLE key = 0;
    ASSERT_EQ(filter().C_GenerateKey(session, &generate, attributes.data(), attributes.size(), &key), CKR_OK);
    std::array<CK_BYTE, 32> buffer{};
    CK_ULONG buffer_bytes = buffer.size();
    ASSERT_EQ(filter().C_SignInit(session, &mac, key), CKR_OK);
    ASSERT_EQ(filter().C_Sign(session, buffer.data(), buffer.size(), buffer.data(), &buffer_bytes), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(peer().messages("end").at(0).at("uses").to_number<int>(), 0);
    EXPECT_TRUE(peer().messages("use").empty());
}

TEST_F(FilterLoginTest, logout_and_last_session_and_finalize_end_a_login) {
    start_peer();
    CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_EQ(filter().C_CloseSession(session), CKR_OK);
    session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    open_session();
    EXPECT_EQ(filter().C_CloseAllSessions(slot()), CKR_OK);
    session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_EQ(filter().C_Finalize(nullptr), CKR_OK);
    EXPECT_EQ(texts(peer().messages("end"), "reason"),
              (std::vector<std::string>{"logout", "sessions_closed", "sessions_closed", "finalized"}));
    EXPECT_EQ(texts(peer().messages("end"), "login"), texts(peer().messages("result"), "login"));
    EXPECT_TRUE(peer().wait_until_all_closed());
}

TEST_F(FilterLoginTest, other_open_sessions_keep_the_login) {
    start_peer();
    const CK_SESSION_HANDLE first = open_session();
    const CK_SESSION_HANDLE second = open_session();
    ASSERT_EQ(login(first, default_pin), CKR_OK);
    EXPECT_EQ(filter().C_CloseSession(first), CKR_OK);
    EXPECT_EQ(filter().C_CloseSession(first), CKR_SESSION_HANDLE_INVALID);
    EXPECT_TRUE(peer().messages("end").empty());
    EXPECT_EQ(session_state(second), CKS_RW_USER_FUNCTIONS);
    EXPECT_EQ(filter().C_CloseSession(second), CKR_OK);
    EXPECT_EQ(peer().messages("end").size(), 1U);
}

TEST_F(FilterLoginTest, initialises_again_after_finalising) {
    start_peer();
    for (int round = 0; round < 3; ++round) {
        const CK_SESSION_HANDLE session = open_session();
        EXPECT_EQ(filter().C_Initialize(nullptr), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        ASSERT_EQ(login(session, default_pin), CKR_OK);
        ASSERT_EQ(filter().C_Finalize(nullptr), CKR_OK);
        EXPECT_EQ(filter().C_Finalize(nullptr), CKR_CRYPTOKI_NOT_INITIALIZED);
        ASSERT_EQ(filter().C_Initialize(nullptr), CKR_OK);
    }
    EXPECT_EQ(peer().messages("result").size(), 3U);
    EXPECT_EQ(peer().messages("end").size(), 3U);
}

TEST_F(FilterLoginTest, more_sessions_than_the_table_holds) {
    start_peer();
    const CK_SESSION_HANDLE first = open_session();
    ASSERT_EQ(login(first, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(first);
    std::vector<CK_SESSION_HANDLE> sessions{first};
    for (int round = 0; round < 5000; ++round) {
        sessions.push_back(open_session());
    }
    for (const CK_SESSION_HANDLE session : sessions) {
        if (session % 500 == 0 || session == sessions.back()) {
            ASSERT_EQ(sign(session, key), CKR_OK);
        }
    }
    while (sessions.size() > 1) {
        ASSERT_EQ(filter().C_CloseSession(sessions.back()), CKR_OK);
        sessions.pop_back();
    }
    EXPECT_TRUE(peer().messages("end").empty());
    ASSERT_EQ(filter().C_CloseSession(first), CKR_OK);
    ASSERT_EQ(peer().messages("end").size(), 1U);
    EXPECT_GE(peer().messages("end")[0].at("uses").to_number<int>(), 10);
}

} // namespace
} // namespace ukey::test
