// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_flow.hpp"

#include <algorithm>

namespace ukey::filter {
namespace {

constexpr std::string_view default_pin = "123456";

/// Compared in place, in a time that depends only on the length; never copied.
bool is_pin(std::string_view known, const CK_UTF8CHAR* pin, CK_ULONG pin_bytes) {
    if (pin_bytes != known.size()) {
        return false;
    }
    unsigned difference = 0;
    for (std::size_t position = 0; position < known.size(); ++position) {
        difference |= static_cast<unsigned>(static_cast<volatile const CK_UTF8CHAR*>(pin)[position]) ^
                      static_cast<unsigned char>(known[position]);
    }
    return difference == 0;
}

/// Was it the default PIN?
std::optional<bool> is_default_pin(CK_RV rv, const CK_UTF8CHAR* pin, CK_ULONG pin_bytes) {
    // Only what the backend has accepted is looked at: a wrong PIN says nothing, a NULL one was typed at the
    // reader (CKF_PROTECTED_AUTHENTICATION_PATH).
    if (rv != CKR_OK || pin == nullptr) {
        return std::nullopt;
    }
    return is_pin(default_pin, pin, pin_bytes);
}

/// Answers by which the backend refuses the call itself: no PIN was tried, so there is nothing to report.
bool is_no_attempt(CK_RV rv) {
    switch (rv) {
    case CKR_USER_ALREADY_LOGGED_IN:
    case CKR_USER_ANOTHER_ALREADY_LOGGED_IN:
    case CKR_USER_TOO_MANY_TYPES:
    case CKR_USER_TYPE_INVALID:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_READ_ONLY:
    case CKR_SESSION_READ_ONLY_EXISTS:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_ARGUMENTS_BAD:
    case CKR_FUNCTION_NOT_SUPPORTED:
        return true;
    default: // CK_RV is an open set of numbers, vendors add theirs
        return false;
    }
}

} // namespace

LoginFlow::LoginFlow(const Configuration& configuration, const CK_FUNCTION_LIST& backend,
                     SessionTracker& sessions, UseCounter& uses, pid_t process)
    : backend_(backend), sessions_(sessions), uses_(uses), configuration_(configuration), process_(process),
      client_(configuration.login_socket, configuration.login_wait, uses) {}

std::optional<CK_SESSION_INFO> LoginFlow::session_info(CK_SESSION_HANDLE session) const {
    CK_SESSION_INFO info{};
    if (backend_.C_GetSessionInfo(session, &info) != CKR_OK) {
        return std::nullopt;
    }
    return info;
}

/// From our own table if it is there: OpenSC sends the card a command for C_GetSessionInfo.
std::optional<SlotPlace> LoginFlow::slot_of(CK_SESSION_HANDLE session) const {
    if (const std::optional<SlotIndex> index = sessions_.find(session)) {
        return SlotPlace{sessions_.slot_id(*index), index};
    }
    const std::optional<CK_SESSION_INFO> info = session_info(session);
    return info ? std::optional(SlotPlace{info->slotID, sessions_.slot_index(info->slotID)}) : std::nullopt;
}

std::optional<SeenToken> LoginFlow::token_of(const SlotPlace& slot) {
    const std::uint64_t opened = slot.index ? sessions_.opened(*slot.index) : 0;
    if (const auto known = slot.index ? tokens_.find(*slot.index, opened) : std::nullopt) {
        return SeenToken{TokenIdentity::from(*known), std::nullopt};
    }
    return read_token(slot, opened);
}

std::optional<SeenToken> LoginFlow::read_token(const SlotPlace& slot, std::uint64_t opened) {
    CK_TOKEN_INFO info{};
    if (backend_.C_GetTokenInfo(slot.id, &info) != CKR_OK) {
        return std::nullopt;
    }
    if (slot.index) {
        tokens_.keep(*slot.index, opened, info);
    }
    return SeenToken{TokenIdentity::from(info), info.flags};
}

/// A login that we have seen may have ended without a call, when the token was pulled out: the backend knows.
bool LoginFlow::user_is_logged_in(CK_SESSION_HANDLE session, const SlotPlace& slot) const {
    if (slot.index && !uses_.is_open(*slot.index)) {
        return false;
    }
    const std::optional<CK_SESSION_INFO> info = session_info(session);
    return info && (info->state == CKS_RO_USER_FUNCTIONS || info->state == CKS_RW_USER_FUNCTIONS);
}

LoginAttempt LoginFlow::before_login(CK_SESSION_HANDLE session) {
    LoginAttempt attempt;
    attempt.slot = slot_of(session);
    if (attempt.slot) {
        // The last try is a matter of now: what is remembered does not tell it.
        const std::uint64_t opened = attempt.slot->index ? sessions_.opened(*attempt.slot->index) : 0;
        attempt.token =
            configuration_.guard_last_try ? read_token(*attempt.slot, opened) : token_of(*attempt.slot);
    }
    if (attempt.token && !user_is_logged_in(session, *attempt.slot)) {
        attempt.asked = true;
        const bool last_try =
            configuration_.guard_last_try && (*attempt.token->flags & CKF_USER_PIN_FINAL_TRY) != 0;
        const std::lock_guard lock(mutex_);
        attempt.verdict = client_.ask(ask_message(
            attempt.token->identity, {attempt.token->flags, last_try, configuration_.backend_path}));
        const bool refused_unasked =
            !attempt.verdict && (last_try || configuration_.without_daemon == WithoutDaemon::refuse);
        attempt.refused = refused_unasked || (attempt.verdict && attempt.verdict->word == "deny");
    }
    attempt.started_at = std::chrono::system_clock::now();
    attempt.began = std::chrono::steady_clock::now();
    return attempt;
}

void LoginFlow::after_login(const LoginAttempt& attempt, CK_SESSION_HANDLE session, CK_RV rv,
                            const CK_UTF8CHAR* pin, CK_ULONG pin_bytes) {
    const auto duration = std::chrono::steady_clock::now() - attempt.began;
    if (is_no_attempt(rv)) {
        return;
    }
    const std::optional<SlotPlace> place = attempt.slot ? attempt.slot : slot_of(session);
    if (!place) {
        return;
    }
    const std::optional<SeenToken> token = attempt.token ? attempt.token : token_of(*place);
    const LoginOutcome outcome{rv, is_default_pin(rv, pin, pin_bytes), attempt.started_at,
                               std::chrono::duration_cast<std::chrono::microseconds>(duration),
                               attempt.verdict ? std::optional(attempt.verdict->word) : std::nullopt};
    const std::string login = random_id();
    boost::json::object message = result_message(login, token ? token->identity : TokenIdentity{}, outcome);
    if (rv == CKR_OK && attempt.verdict && attempt.verdict->challenge) {
        message["attestation"] =
            attest(*attempt.verdict->challenge, *place, login, attempt.started_at, pin != nullptr);
    }
    const bool late = attempt.asked && !attempt.verdict;
    const std::optional<SlotIndex> slot = place->index;
    if (slot && !sessions_.find(session) && !sessions_.overflowed()) {
        sessions_.add(session, *slot); // a session that a forked child has inherited
    }
    const std::lock_guard lock(mutex_);
    if (rv == CKR_OK && slot) {
        client_.login_began(*slot, std::move(message), late);
    } else {
        client_.report(std::move(message), late);
    }
}

boost::json::object LoginFlow::attest(LoginChallenge challenge, const SlotPlace& slot,
                                      const std::string& login, Timestamp started_at, bool pin_given) const {
    challenge.record.login = login;
    challenge.record.started_at = format_timestamp(started_at);
    LoginSignature signature;
    if (pin_given) {
        signature = sign_login(backend_, slot.id, challenge);
    } else {
        signature.absent = "protected_path"; // the reader asked for the PIN and would ask again
    }
    return to_json(challenge, signature);
}

void LoginFlow::after_logout(SlotIndex slot, std::uint64_t login_number) {
    const std::lock_guard lock(mutex_);
    if (uses_.number(slot) == login_number) {
        client_.login_ended(slot, "logout");
    }
}

void LoginFlow::after_sessions_closed() {
    const std::lock_guard lock(mutex_);
    for (SlotIndex slot = 0; slot < tracked_slots_max; ++slot) {
        if (uses_.is_open(slot) && sessions_.without_sessions(slot)) {
            client_.login_ended(slot, "sessions_closed");
        }
    }
}

void LoginFlow::after_finalize() {
    const std::lock_guard lock(mutex_);
    client_.all_ended("finalized");
    client_.close_if_all_told();
    uses_.reset();
    sessions_.reset();
}

/// PKCS#11 2.40 §5.5: with the SO logged in, C_SetPIN sets the SO's PIN, and C_InitPIN the user's.
bool LoginFlow::refuses_new_pin(std::string_view function, CK_SESSION_HANDLE session,
                                const CK_UTF8CHAR* new_pin, CK_ULONG new_pin_bytes) const {
    if (configuration_.refused_new_pins.empty() || new_pin == nullptr) {
        return false;
    }
    const std::optional<CK_SESSION_INFO> info = session_info(session);
    if (!info || (function == "C_SetPIN") == (info->state == CKS_RW_SO_FUNCTIONS)) {
        return false; // the backend says what is wrong, or it is not the user's PIN
    }
    const auto& refused = configuration_.refused_new_pins;
    return std::any_of(refused.begin(), refused.end(),
                       [&](const std::string& pin) { return is_pin(pin, new_pin, new_pin_bytes); });
}

void LoginFlow::after_pin_function(std::string_view function, CK_SESSION_HANDLE session, CK_RV rv,
                                   const CK_UTF8CHAR* new_pin, CK_ULONG new_pin_bytes) {
    const std::optional<CK_SESSION_INFO> info = is_no_attempt(rv) ? std::nullopt : session_info(session);
    // PKCS#11 2.40 §5.5: with the SO logged in, C_SetPIN changes the SO's PIN, which is none of ours.
    if (!info || (function == "C_SetPIN" && info->state == CKS_RW_SO_FUNCTIONS)) {
        return;
    }
    const SlotPlace slot{info->slotID, sessions_.slot_index(info->slotID)};
    const std::optional<SeenToken> token = token_of(slot);
    if (!token) {
        return;
    }
    boost::json::object message =
        pin_message(function, token->identity, rv, is_default_pin(rv, new_pin, new_pin_bytes));
    const std::lock_guard lock(mutex_);
    client_.report(std::move(message), false);
}

void LoginFlow::first_use(SlotIndex slot) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) {
        client_.tell_use(slot);
    }
}

bool LoginFlow::close() {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) {
        client_.close();
    }
    return lock.owns_lock();
}

} // namespace ukey::filter
