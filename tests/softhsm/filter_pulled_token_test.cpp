// SPDX-License-Identifier: Apache-2.0
// What happens without a call, or while one is under way: tokens that are pulled out and take their sessions
// with them, handles that come back, logins that end before they are told, tokens that do not answer.
#include <array>
#include <dlfcn.h>
#include <fstream>

#include "tests/softhsm/filter_fixture.hpp"
#include "tests/softhsm/reusing_module.hpp"

namespace ukey::test {
namespace {

using Answer = LoginPeer::Answer;

const boost::json::object challenge{{"nonce", std::string(64, 'a')},
                                    {"ledger_seq", 1},
                                    {"ledger_head", std::string(64, 'b')},
                                    {"key", "0123456789ab"},
                                    {"manufacturer", "maker"},
                                    {"model", "model"},
                                    {"serial", "A"},
                                    {"public_key", std::string(64, 'c')},
                                    {"organisation", ""},
                                    {"uid", 0},
                                    {"asked_at", "2026-04-01T08:30:00.123456Z"},
                                    {"object", "01"}};

/// Two slots, 0 and 1, with the tokens A and B.
class FilterPulledTokenTest : public FilterTest {
  protected:
    void SetUp() override {
        FilterTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        setenv("UKEY_PKCS11_MODULE", UKEY_REUSING_MODULE, 1);
        library_ = dlopen(UKEY_REUSING_MODULE, RTLD_NOW | RTLD_LOCAL);
        ASSERT_NE(library_, nullptr) << dlerror();
        module_ = static_cast<ReusingModule*>(dlsym(library_, "reusing_module"));
        *module_ = ReusingModule{.pull = module_->pull, .insert = module_->insert};
        start_peer();
    }

    void TearDown() override {
        FilterTest::TearDown();
        if (library_ != nullptr) {
            dlclose(library_);
        }
    }

    ReusingModule& module() { return *module_; }

    CK_SESSION_HANDLE open(CK_SLOT_ID slot, CK_FLAGS flags = CKF_RW_SESSION) {
        CK_SESSION_HANDLE session = 0;
        EXPECT_EQ(filter().C_OpenSession(slot, CKF_SERIAL_SESSION | flags, nullptr, nullptr, &session),
                  CKR_OK);
        return session;
    }

    CK_RV use_key(CK_SESSION_HANDLE session) {
        CK_MECHANISM mechanism{CKM_RSA_PKCS, nullptr, 0};
        std::array<CK_BYTE, 4> data{};
        std::array<CK_BYTE, 4> signature{};
        CK_ULONG length = signature.size();
        const CK_RV rv = filter().C_SignInit(session, &mechanism, 1);
        return rv == CKR_OK ? filter().C_Sign(session, data.data(), data.size(), signature.data(), &length)
                            : rv;
    }

    std::vector<std::string> serials(std::string_view type) {
        std::vector<std::string> found;
        for (const boost::json::object& message : peer().messages(type)) {
            found.emplace_back(message.at("token").at("serial").as_string());
        }
        return found;
    }

    std::vector<std::string> ends() { return texts(peer().messages("end"), "reason"); }

  private:
    void* library_ = nullptr;
    ReusingModule* module_ = nullptr;
};

using Texts = std::vector<std::string>;

// --- Tokens that are pulled out ---

TEST_F(FilterPulledTokenTest, handle_that_comes_back_is_of_the_slot_that_it_comes_from_now) {
    const CK_SESSION_HANDLE first = open(0);
    ASSERT_EQ(login(first, "a"), CKR_OK);
    module().pull(0);
    const CK_SESSION_HANDLE second = open(1);
    ASSERT_EQ(second, first);
    EXPECT_EQ(ends(), (Texts{"sessions_closed"})) << "the handle was of the other token's only session";
    ASSERT_EQ(login(second, "b"), CKR_OK);
    ASSERT_EQ(use_key(second), CKR_OK);
    ASSERT_EQ(filter().C_Logout(second), CKR_OK);
    EXPECT_EQ(serials("ask"), (Texts{"A", "B"}));
    EXPECT_EQ(serials("result"), (Texts{"A", "B"}));
    const auto told = peer().messages("end");
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[1].at("login"), peer().messages("result")[1].at("login"));
    EXPECT_EQ(told[1].at("uses").to_number<int>(), 1);
}

TEST_F(FilterPulledTokenTest, handle_that_comes_back_is_refused_by_its_own_verdict) {
    ASSERT_EQ(login(open(0), "a"), CKR_OK);
    module().pull(0);
    const CK_SESSION_HANDLE session = open(1);
    peer().answer_with(Answer::deny);
    EXPECT_EQ(login(session, "b"), CKR_FUNCTION_REJECTED);
    EXPECT_EQ(serials("ask"), (Texts{"A", "B"}));
    EXPECT_EQ(module().logins, 1);
}

TEST_F(FilterPulledTokenTest, sessions_that_went_with_a_token_do_not_keep_the_next_login) {
    ASSERT_EQ(login(open(0), "a"), CKR_OK);
    open(0);
    open(0);
    module().pull(0);
    module().insert(0);
    const CK_SESSION_HANDLE session = open(0);
    ASSERT_EQ(login(session, "a"), CKR_OK);
    EXPECT_EQ(ends(), (Texts{"sessions_closed"}));
    EXPECT_EQ(filter().C_CloseSession(session), CKR_OK);
    EXPECT_EQ(ends(), (Texts{"sessions_closed", "sessions_closed"}));
}

TEST_F(FilterPulledTokenTest, sessions_without_a_login_that_went_do_not_keep_the_next_one) {
    open(0);
    const CK_SESSION_HANDLE gone = open(0);
    module().pull(0);
    EXPECT_EQ(use_key(gone), CKR_SESSION_HANDLE_INVALID);
    module().insert(0);
    const CK_SESSION_HANDLE session = open(0);
    ASSERT_EQ(login(session, "a"), CKR_OK);
    EXPECT_EQ(filter().C_CloseSession(session), CKR_OK);
    EXPECT_EQ(ends(), (Texts{"sessions_closed"}));
}

TEST_F(FilterPulledTokenTest, call_that_finds_the_token_gone_ends_its_login) {
    const std::array<std::function<CK_RV(CK_SESSION_HANDLE)>, 4> calls{
        [&](CK_SESSION_HANDLE session) { return use_key(session); },
        [&](CK_SESSION_HANDLE session) { return filter().C_CloseSession(session); },
        [&](CK_SESSION_HANDLE) {
            CK_SESSION_HANDLE none = 0;
            return filter().C_OpenSession(0, CKF_SERIAL_SESSION, nullptr, nullptr, &none);
        },
        [&](CK_SESSION_HANDLE) {
            CK_TOKEN_INFO info{};
            return filter().C_GetTokenInfo(0, &info);
        }};
    for (std::size_t index = 0; index < calls.size(); ++index) {
        const CK_SESSION_HANDLE session = open(0);
        open(0);
        ASSERT_EQ(login(session, "a"), CKR_OK);
        module().pull(0);
        EXPECT_NE(calls.at(index)(session), CKR_OK);
        EXPECT_EQ(ends().size(), index + 1) << "call " << index;
        module().insert(0);
    }
}

TEST_F(FilterPulledTokenTest, token_that_is_pulled_leaves_the_others_login) {
    const CK_SESSION_HANDLE kept = open(1);
    ASSERT_EQ(login(kept, "b"), CKR_OK);
    const CK_SESSION_HANDLE gone = open(0);
    ASSERT_EQ(login(gone, "a"), CKR_OK);
    module().pull(0);
    EXPECT_EQ(use_key(gone), CKR_SESSION_HANDLE_INVALID);
    EXPECT_EQ(use_key(kept), CKR_OK);
    EXPECT_EQ(ends(), (Texts{"sessions_closed"}));
    EXPECT_EQ(filter().C_Logout(kept), CKR_OK);
    EXPECT_EQ(peer().messages("end").at(1).at("uses").to_number<int>(), 1);
}

// --- While C_Login is under way: the key signs the login's record, which takes time ---

TEST_F(FilterPulledTokenTest, logout_before_the_login_is_told_ends_it) {
    peer().challenge_with(challenge);
    const CK_SESSION_HANDLE session = open(0);
    const CK_SESSION_HANDLE other = open(0);
    module().in_sign = [&] {
        EXPECT_EQ(use_key(other), CKR_OK);
        EXPECT_EQ(use_key(other), CKR_OK);
        EXPECT_EQ(filter().C_Logout(other), CKR_OK);
    };
    ASSERT_EQ(login(session, "a"), CKR_OK);
    EXPECT_EQ(texts(peer().messages(), "type"), (Texts{"ask", "result", "end"}));
    EXPECT_TRUE(peer().messages("result").at(0).at("attestation").as_object().contains("signature"));
    EXPECT_EQ(ends(), (Texts{"logout"}));
    EXPECT_EQ(peer().messages("end")[0].at("uses").to_number<int>(), 2);
    ASSERT_EQ(login(session, "a"), CKR_OK) << "the slot is free for the next";
    EXPECT_EQ(ends(), (Texts{"logout"}));
}

TEST_F(FilterPulledTokenTest, last_session_that_closes_before_the_login_is_told_ends_it) {
    peer().challenge_with(challenge);
    const CK_SESSION_HANDLE session = open(0);
    module().in_sign = [&] { EXPECT_EQ(filter().C_CloseSession(session), CKR_OK); };
    ASSERT_EQ(login(session, "a"), CKR_OK);
    EXPECT_EQ(texts(peer().messages(), "type"), (Texts{"ask", "result", "end"}));
    EXPECT_EQ(ends(), (Texts{"sessions_closed"}));
}

TEST_F(FilterPulledTokenTest, session_that_closes_inside_the_login_ends_it) {
    const CK_SESSION_HANDLE session = open(0);
    module().in_login = [&] { EXPECT_EQ(filter().C_CloseSession(session), CKR_OK); };
    ASSERT_EQ(login(session, "a"), CKR_OK);
    EXPECT_EQ(texts(peer().messages(), "type"), (Texts{"ask", "result", "end"}));
}

TEST_F(FilterPulledTokenTest, use_before_the_login_is_told_is_its_own) {
    peer().challenge_with(challenge);
    const CK_SESSION_HANDLE session = open(0);
    const CK_SESSION_HANDLE other = open(0);
    module().in_sign = [&] { EXPECT_EQ(use_key(other), CKR_OK); };
    ASSERT_EQ(login(session, "a"), CKR_OK);
    EXPECT_EQ(peer().messages("result").at(0).at("uses").to_number<int>(), 1);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(peer().messages("end").at(0).at("uses").to_number<int>(), 1);
}

TEST_F(FilterPulledTokenTest, next_login_that_begins_before_the_first_is_told_leaves_both_whole) {
    peer().challenge_with(challenge);
    const CK_SESSION_HANDLE session = open(0);
    const CK_SESSION_HANDLE other = open(0);
    module().in_sign = [&] {
        EXPECT_EQ(filter().C_Logout(other), CKR_OK);
        EXPECT_EQ(login(other, "a"), CKR_OK);
        EXPECT_EQ(use_key(other), CKR_OK);
    };
    ASSERT_EQ(login(session, "a"), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    const auto results = peer().messages("result");
    const auto told = peer().messages("end");
    ASSERT_EQ(results.size(), 2U);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].at("login"), results[1].at("login"));
    EXPECT_EQ(told[0].at("uses").to_number<int>(), 0);
    EXPECT_EQ(told[1].at("login"), results[0].at("login"));
    EXPECT_EQ(told[1].at("uses").to_number<int>(), 1);
}

TEST_F(FilterPulledTokenTest, attestation_is_not_sent_on_another_connection_than_its_challenge) {
    peer().challenge_with(challenge);
    const CK_SESSION_HANDLE session = open(0);
    const CK_SESSION_HANDLE other = open(1);
    module().in_login = [&] {
        stop_peer();
        start_peer();
        EXPECT_EQ(set_pin(other, "b", "c"), CKR_OK); // and with it the connection is made again
    };
    ASSERT_EQ(login(session, "a"), CKR_OK);
    const auto messages = peer().messages();
    ASSERT_EQ(texts(messages, "type"), (Texts{"pin", "result"}));
    EXPECT_FALSE(messages[1].contains("attestation"));
}

// --- Whose PIN was typed at the reader, the key is not asked ---

TEST_F(FilterPulledTokenTest, key_with_a_protected_path_is_never_asked_to_sign) {
    peer().challenge_with(challenge);
    module().token_flags = CKF_PROTECTED_AUTHENTICATION_PATH;
    const CK_SESSION_HANDLE session = open(0);
    ASSERT_EQ(login(session, ""), CKR_OK);
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    ASSERT_EQ(login(session, "a"), CKR_OK) << "some modules take a PIN all the same";
    ASSERT_EQ(filter().C_Logout(session), CKR_OK);
    module().token_flags = 0;
    const CK_SESSION_HANDLE other = open(1);
    ASSERT_EQ(login(other, ""), CKR_OK);
    EXPECT_EQ(module().signatures, 0);
    const auto results = peer().messages("result");
    ASSERT_EQ(results.size(), 3U);
    for (const boost::json::object& result : results) {
        EXPECT_EQ(result.at("attestation").at("absent").as_string(), "protected_path");
    }
    EXPECT_TRUE(results[0].at("default_pin").is_null()) << "none was seen";
    EXPECT_FALSE(results[1].at("default_pin").as_bool());
}

// --- Policy ---

TEST_F(FilterPulledTokenTest, token_that_does_not_answer_is_refused_by_those_who_want_an_answer) {
    module().token_info_rv = CKR_DEVICE_ERROR;
    EXPECT_EQ(login(open(0), "a"), CKR_OK) << "no policy";
    for (const char* policy : {"guard_last_try = all", "without_daemon = refuse"}) {
        unload();
        std::ofstream(path("pkcs11.conf")) << policy << "\n";
        module().token_info_rv = CKR_DEVICE_ERROR;
        const CK_SESSION_HANDLE session = open(0);
        EXPECT_EQ(login(session, "a"), CKR_FUNCTION_REJECTED) << policy;
        module().token_info_rv = CKR_OK;
        EXPECT_EQ(login(session, "a"), CKR_OK) << policy;
        EXPECT_EQ(login(session, "a"), CKR_USER_ALREADY_LOGGED_IN) << policy;
        module().pull(0);
        EXPECT_EQ(login(session, "a"), CKR_SESSION_HANDLE_INVALID) << "the backend's own answer";
        module().insert(0);
    }
}

TEST_F(FilterPulledTokenTest, new_pin_is_looked_at_only_where_one_would_be_set) {
    std::ofstream(path("pkcs11.conf")) << "refuse_new_pins = 111111\n";
    const CK_SESSION_HANDLE read_only = open(0, 0);
    EXPECT_EQ(set_pin(read_only, "a", "111111"), CKR_SESSION_READ_ONLY);
    const CK_SESSION_HANDLE session = open(0);
    std::string pin("111111");
    const auto new_pin = reinterpret_cast<CK_UTF8CHAR_PTR>(pin.data());
    EXPECT_EQ(filter().C_SetPIN(session, nullptr, 6, new_pin, pin.size()), CKR_ARGUMENTS_BAD);
    EXPECT_EQ(set_pin(session, "a", "111111"), CKR_PIN_INVALID);
    EXPECT_EQ(filter().C_SetPIN(session, nullptr, 0, new_pin, pin.size()), CKR_PIN_INVALID)
        << "the old one is typed at the reader";
    ASSERT_EQ(login(session, "a"), CKR_OK);
    EXPECT_EQ(set_pin(session, "a", "111111"), CKR_PIN_INVALID);
}

// --- A service that was started again ---

TEST_F(FilterPulledTokenTest, open_logins_are_told_again_in_the_order_in_which_they_began) {
    const CK_SESSION_HANDLE first = open(0);
    const CK_SESSION_HANDLE second = open(1);
    for (const bool reversed : {false, true}) {
        ASSERT_EQ(login(reversed ? second : first, "a"), CKR_OK);
        ASSERT_EQ(login(reversed ? first : second, "a"), CKR_OK);
        stop_peer();
        ASSERT_EQ(set_pin(first, "a", "c"), CKR_OK);
        start_peer();
        ASSERT_EQ(set_pin(first, "a", "c"), CKR_OK);
        EXPECT_EQ(texts(peer().messages(), "type"), (Texts{"result", "result", "pin", "pin"}));
        EXPECT_EQ(serials("result"), reversed ? (Texts{"B", "A"}) : (Texts{"A", "B"}));
        ASSERT_EQ(filter().C_Logout(first), CKR_OK);
        ASSERT_EQ(filter().C_Logout(second), CKR_OK);
    }
}

} // namespace
} // namespace ukey::test
