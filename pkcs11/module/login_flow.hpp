// SPDX-License-Identifier: Apache-2.0
// A login as PKCS#11 sees it: who logs in where, may it, and what came of it. One object per process;
// thread-safe.
//
// No lock is held while the backend runs: it may wait for a person. What has happened is noted in the order
// in which it happened, and told by whoever has the client; a call that cannot have it in time leaves its
// report to the thread that has. A call waits no longer than the configured time, all in all.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <variant>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/configuration.hpp"
#include "pkcs11/module/deadline_mutex.hpp"
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
    /// The PIN is typed at the reader.
    bool protected_path = false;
};

/// A CKU_USER login between the question and its result.
struct LoginAttempt {
    /// Not to be passed on to the backend.
    bool refused = false;
    /// The daemon was asked. It is not when the backend says that the user is logged in already.
    bool asked = false;
    /// nullopt: the session is none; the backend will say so itself.
    std::optional<SlotPlace> slot;
    /// The session was in the filter's table.
    bool known_session = false;
    /// nullopt: the token doesn't answer either.
    std::optional<SeenToken> token;
    std::optional<LoginClient::Verdict> verdict;
    /// How long this call may still wait for the daemon.
    std::chrono::steady_clock::duration wait_left{0};
    Timestamp started_at;
    std::chrono::steady_clock::time_point began;
};

/// An answer that says that the session is gone, and perhaps others of its slot with it: PKCS#11 2.40 §5.6, a
/// token that is pulled out closes its sessions, and nobody is called.
bool is_lost_session(CK_RV rv) noexcept;

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

    /// A C_Logout has succeeded; before it the session's slot, if it was looked for, had the login with this
    /// number.
    void after_logout(CK_SESSION_HANDLE session, std::optional<SlotIndex> slot, std::uint64_t login_number);
    /// Ends the logins of all slots that are left without a session.
    void after_sessions_closed();
    /// Sessions of the slot may have gone with their token: asks the backend which.
    void after_sessions_lost(SlotIndex slot);
    /// Everything has ended: C_Finalize.
    void after_finalize();

    /// The policy forbids the new PIN of a C_SetPIN or C_InitPIN. Looked at only when there is such a policy
    /// and the session is one in which the user's PIN can be set.
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
    using Event = std::variant<LoginBegin, LoginEnd, OtherReport>;

    std::optional<CK_SESSION_INFO> session_info(CK_SESSION_HANDLE session) const;
    std::optional<SlotPlace> slot_of(CK_SESSION_HANDLE session) const;
    std::optional<SeenToken> token_of(const SlotPlace& slot);
    /// With CKR_OK `token` is set.
    CK_RV look_at_token(const SlotPlace& slot, bool as_it_is_now, std::optional<SeenToken>& token);
    bool user_is_logged_in(CK_SESSION_HANDLE session, const SlotPlace& slot);
    void ask(LoginAttempt& attempt);
    bool refuses_unknown_token(CK_RV token_rv) const;
    boost::json::object attest(LoginChallenge challenge, const SlotPlace& slot, const std::string& login,
                               Timestamp started_at, bool pin_given) const;

    void remove_dead_sessions(SlotIndex slot);
    std::uint64_t begin_login(SlotIndex slot, CK_SESSION_HANDLE session, bool known_session);
    void end_login(SlotIndex slot, std::string_view reason);
    void end_logins_without_sessions();

    Deadline deadline_from_now() const {
        return std::chrono::steady_clock::now() + configuration_.login_wait;
    }
    void note(Event event);
    bool anything_noted();
    void tell(Deadline deadline);
    void tell_what_is_noted(Deadline deadline);
    void hand_over(Deadline deadline);

    const CK_FUNCTION_LIST& backend_;
    SessionTracker& sessions_;
    UseCounter& uses_;
    TokenCache tokens_;
    const Configuration& configuration_;
    const pid_t process_;
    RefusingMutex initialize_mutex_;
    /// Held for a moment only: logins begin and end, and are noted, one after the other.
    std::mutex events_mutex_;
    /// What the client has yet to be given. A call waits before it leaves one here: no more than the
    /// application has threads.
    std::vector<Event> events_;
    /// Held while the daemon is waited for.
    DeadlineMutex client_mutex_;
    LoginClient client_;
};

} // namespace ukey::filter
