// SPDX-License-Identifier: Apache-2.0
// Threads that the application cancels, and exceptions of the backend: both end as they would without the
// filter.
#include <array>
#include <stdexcept>

#include "tests/softhsm/fault_fixture.hpp"

namespace ukey::test {
namespace {

class FilterCancellationTest : public FaultFilterTest {
  protected:
    void SetUp() override {
#ifdef UKEY_SANITIZED
        GTEST_SKIP()
            << "sanitizers lose sight of a cancelled thread, of what it unlocks and of its stack as it goes";
#endif
        FaultFilterTest::SetUp();
        if (!IsSkipped()) {
            start_peer();
        }
    }

    CK_RV sign_in(CK_SESSION_HANDLE session) {
        CK_MECHANISM mechanism{CKM_RSA_PKCS, nullptr, 0};
        std::array<CK_BYTE, 32> data{};
        std::array<CK_BYTE, 32> signature{};
        CK_ULONG bytes = signature.size();
        const CK_RV rv = filter().C_SignInit(session, &mechanism, 1);
        return rv != CKR_OK ? rv
                            : filter().C_Sign(session, data.data(), data.size(), signature.data(), &bytes);
    }

    /// Calls in a thread that is to be cancelled when the call begins: whether it was.
    template <typename Call>
    static bool cancelled_in(Call call) {
        CancellableThread thread([&] {
            int before = 0;
            pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
            pthread_cancel(pthread_self());
            pthread_setcancelstate(before, nullptr);
            call();
        });
        return thread.join_cancelled();
    }
};

TEST_F(FilterCancellationTest, thread_in_the_backends_login_is_cancelled) {
    const CK_SESSION_HANDLE session = open_fault_session();
    behave("hang_in_login");
    CancellableThread thread([&] { login(session, default_pin); });
    await_call('l');
    thread.cancel();
    EXPECT_TRUE(thread.join_cancelled());
    behave("good");
    EXPECT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_EQ(peer().messages("ask").size(), 2U);
    EXPECT_EQ(peer().messages("result").size(), 1U);
}

TEST_F(FilterCancellationTest, thread_in_the_backends_signature_is_cancelled) {
    const CK_SESSION_HANDLE session = open_fault_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    behave("hang_in_sign");
    CancellableThread thread([&] { sign_in(session); });
    await_call('g');
    thread.cancel();
    EXPECT_TRUE(thread.join_cancelled());
    behave("good");
    EXPECT_EQ(sign_in(session), CKR_OK);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    const auto ends = peer().messages("end");
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].at("uses").to_number<int>(), 1);
}

TEST_F(FilterCancellationTest, thread_in_the_backends_finalize_is_cancelled_and_others_finalize) {
    ASSERT_EQ(login(open_fault_session(), default_pin), CKR_OK);
    behave("hang_in_finalize");
    CancellableThread thread([&] { filter().C_Finalize(nullptr); });
    await_call('f');
    thread.cancel();
    EXPECT_TRUE(thread.join_cancelled());
    behave("good");
    EXPECT_EQ(filter().C_Finalize(nullptr), CKR_OK) << "its lock must not be held for ever";
    EXPECT_EQ(texts(peer().messages("end"), "reason"), (std::vector<std::string>{"finalized"}));
}

TEST_F(FilterCancellationTest, pending_cancellation_acts_in_the_backend_not_in_the_filter) {
    const CK_SESSION_HANDLE session = open_fault_session();
    EXPECT_TRUE(cancelled_in([&] { login(session, default_pin); }));
    EXPECT_EQ(peer().messages("ask").size(), 1U) << "the filter's own work goes on";
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_TRUE(cancelled_in([&] { sign_in(session); }));
    EXPECT_TRUE(cancelled_in([&] { set_pin(session, default_pin, default_pin); }));
    EXPECT_TRUE(cancelled_in([&] { filter().C_Logout(session); }));
    EXPECT_TRUE(cancelled_in([&] { filter().C_CloseSession(session); }));
    CK_TOKEN_INFO info{};
    EXPECT_TRUE(cancelled_in([&] { filter().C_GetTokenInfo(fault_slot, &info); }));
    CK_SESSION_HANDLE other = 0;
    EXPECT_TRUE(cancelled_in(
        [&] { filter().C_OpenSession(fault_slot, CKF_SERIAL_SESSION, nullptr, nullptr, &other); }));
    EXPECT_TRUE(cancelled_in([&] { filter().C_Finalize(nullptr); }));
    EXPECT_TRUE(cancelled_in([&] { filter().C_Initialize(nullptr); }));
    EXPECT_TRUE(peer().messages("end").empty()) << "the login is still open";
    EXPECT_EQ(filter().C_CloseSession(session), CKR_OK);
    EXPECT_EQ(texts(peer().messages("end"), "reason"), (std::vector<std::string>{"sessions_closed"}));
}

TEST_F(FilterCancellationTest, backends_exception_reaches_the_caller) {
    const CK_SESSION_HANDLE session = open_fault_session();
    behave("throw_in_login");
    EXPECT_THROW(login(session, default_pin), std::runtime_error);
    behave("good");
    EXPECT_EQ(login(session, default_pin), CKR_OK);
}

} // namespace
} // namespace ukey::test
