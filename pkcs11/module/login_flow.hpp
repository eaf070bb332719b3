// SPDX-License-Identifier: Apache-2.0
// A login as PKCS#11 sees it: who logs in where, may it, and what came of it. One object per process;
// thread-safe.
//
// The mutex is never held while the backend's C_Login, C_Logout or PIN functions run: they may wait for a
// person.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/configuration.hpp"
#include "pkcs11/module/login_client.hpp"
#include "pkcs11/module/login_message.hpp"
#include "pkcs11/module/recursion_refusing_lock.hpp"
#include "pkcs11/module/session_tracker.hpp"
#include "pkcs11/module/token_cache.hpp"
#include "pkcs11/module/use_counter.hpp"

namespace ukey::filter {

/// A backend's slot, and its place in the filter's tables if there was room for it.
struct SlotPlace {
    CK_SLOT_ID id;
    std::optional<SlotIndex> index;
};

/// A token, and the flags that its PIN has now.
struct SeenToken {
    TokenIdentity identity;
    /// nullopt: it was remembered, and the flags with it are of then.
    std::optional<CK_FLAGS> flags;
};

/// A CKU_USER login between the question and its result.
struct LoginAttempt {
    /// Not to be passed on to the backend.
    bool refused = false;
    /// The daemon was asked. It is not when the backend says that the user is logged in already.
    bool asked = false;
    /// nullopt: the session is none; the backend will say so itself.
    std::optional<SlotPlace> slot;
    /// nullopt: the token doesn't answer either.
    std::optional<SeenToken> token;
    std::optional<LoginClient::Verdict> verdict;
    Timestamp started_at;
    std::chrono::steady_clock::time_point began;
};

class LoginFlow {
  public:
    LoginFlow(const Configuration& configuration, const CK_FUNCTION_LIST& backend, SessionTracker& sessions,
              UseCounter& uses, pid_t process);

    pid_t process() const { return process_; }
    /// Serialises C_Initialize and C_Finalize; here because a forked child needs a fresh one.
    RefusingMutex& initialize_mutex() { return initialize_mutex_; }

    LoginAttempt before_login(CK_SESSION_HANDLE session);
    void after_login(const LoginAttempt& attempt, CK_SESSION_HANDLE session, CK_RV rv, const CK_UTF8CHAR* pin,
                     CK_ULONG pin_bytes);

    /// The application has asked for a slot's token; `opened` as TokenCache says.
    void token_was_read(SlotIndex slot, std::uint64_t opened, const CK_TOKEN_INFO& info) {
        tokens_.keep(slot, opened, info);
    }

    /// The slot's login, if it is still the one with this number, ends by C_Logout.
    void after_logout(SlotIndex slot, std::uint64_t login_number);
    /// Ends the logins of all slots that are left without a session.
    void after_sessions_closed();
    /// Everything has ended: C_Finalize.
    void after_finalize();

    /// The policy forbids the new PIN of a C_SetPIN or C_InitPIN. Looked at only when there is such a policy
    /// and the session is one in which the user's PIN is set.
    bool refuses_new_pin(std::string_view function, CK_SESSION_HANDLE session, const CK_UTF8CHAR* new_pin,
                         CK_ULONG new_pin_bytes) const;

    /// `function` is C_SetPIN or C_InitPIN.
    void after_pin_function(std::string_view function, CK_SESSION_HANDLE session, CK_RV rv,
                            const CK_UTF8CHAR* new_pin, CK_ULONG new_pin_bytes);

    /// Never waits: when another thread is at work here, the next use or report tells it.
    void first_use(SlotIndex slot);

    /// In a forked child, where this object is the parent's.
    void abandon_in_child() { client_.abandon_in_child(); }
    /// Before the module is unloaded. False when another thread is at work here.
    bool close();

  private:
    std::optional<CK_SESSION_INFO> session_info(CK_SESSION_HANDLE session) const;
    std::optional<SlotPlace> slot_of(CK_SESSION_HANDLE session) const;
    std::optional<SeenToken> token_of(const SlotPlace& slot);
    std::optional<SeenToken> read_token(const SlotPlace& slot, std::uint64_t opened);
    boost::json::object attest(LoginChallenge challenge, const SlotPlace& slot, const std::string& login,
                               Timestamp started_at, bool pin_given) const;
    bool user_is_logged_in(CK_SESSION_HANDLE session, const SlotPlace& slot) const;

    const CK_FUNCTION_LIST& backend_;
    SessionTracker& sessions_;
    UseCounter& uses_;
    TokenCache tokens_;
    const Configuration& configuration_;
    const pid_t process_;
    RefusingMutex initialize_mutex_;
    std::mutex mutex_;
    LoginClient client_;
};

} // namespace ukey::filter
