// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_flow.hpp"

#include <algorithm>
#include <utility>

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
    // Only what the backend has accepted is looked at: a wrong PIN says nothing, none was typed at the reader
    // (CKF_PROTECTED_AUTHENTICATION_PATH).
    if (rv != CKR_OK || pin == nullptr || pin_bytes == 0) {
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

SeenToken seen(const CK_TOKEN_INFO& info, std::optional<CK_FLAGS> flags) {
    return {TokenIdentity::from(info), flags, (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0};
}

} // namespace

bool is_lost_session(CK_RV rv) noexcept {
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || rv == CKR_DEVICE_REMOVED ||
           rv == CKR_TOKEN_NOT_PRESENT;
}

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
    std::optional<SeenToken> token;
    look_at_token(slot, false, token);
    return token;
}

CK_RV LoginFlow::look_at_token(const SlotPlace& slot, bool as_it_is_now, std::optional<SeenToken>& token) {
    const std::uint64_t opened = slot.index ? sessions_.opened(*slot.index) : 0;
    if (slot.index && !as_it_is_now) {
        if (const auto known = tokens_.find(*slot.index, opened)) {
            token = seen(*known, std::nullopt);
            return CKR_OK;
        }
    }
    CK_TOKEN_INFO info{};
    const CK_RV rv = backend_.C_GetTokenInfo(slot.id, &info);
    if (rv == CKR_OK) {
        if (slot.index) {
            tokens_.keep(*slot.index, opened, info);
        }
        token = seen(info, info.flags);
    }
    return rv;
}

/// A login that we have seen may have ended without a call, when the token was pulled out: the backend knows.
bool LoginFlow::user_is_logged_in(CK_SESSION_HANDLE session, const SlotPlace& slot) {
    if (slot.index && !uses_.is_open(*slot.index)) {
        return false;
    }
    const std::optional<CK_SESSION_INFO> info = session_info(session);
    if (info && (info->state == CKS_RO_USER_FUNCTIONS || info->state == CKS_RW_USER_FUNCTIONS)) {
        return true;
    }
    if (slot.index) {
        remove_dead_sessions(*slot.index);
    }
    return false;
}

// --- A login ---

LoginAttempt LoginFlow::before_login(CK_SESSION_HANDLE session) {
    LoginAttempt attempt;
    attempt.wait_left = configuration_.login_wait;
    attempt.known_session = sessions_.find(session).has_value();
    attempt.slot = slot_of(session);
    // The last try is a matter of now: what is remembered does not tell it.
    const bool as_it_is_now = configuration_.guard_last_try;
    const CK_RV token_rv = attempt.slot ? look_at_token(*attempt.slot, as_it_is_now, attempt.token) : CKR_OK;
    if (attempt.slot && !user_is_logged_in(session, *attempt.slot)) {
        if (attempt.token) {
            ask(attempt);
        } else {
            attempt.refused = refuses_unknown_token(token_rv);
        }
    }
    attempt.started_at = std::chrono::system_clock::now();
    attempt.began = std::chrono::steady_clock::now();
    return attempt;
}

void LoginFlow::ask(LoginAttempt& attempt) {
    attempt.asked = true;
    const bool last_try =
        configuration_.guard_last_try && (*attempt.token->flags & CKF_USER_PIN_FINAL_TRY) != 0;
    boost::json::object question =
        ask_message(attempt.token->identity, {attempt.token->flags, last_try, configuration_.backend_path});
    const Deadline deadline = deadline_from_now();
    if (std::unique_lock client(client_mutex_, deadline); client.owns_lock()) {
        attempt.verdict = client_.ask(std::move(question), deadline);
    }
    const auto now = std::chrono::steady_clock::now();
    attempt.wait_left = std::max(deadline - now, std::chrono::steady_clock::duration::zero());
    const bool refused_unasked =
        !attempt.verdict && (last_try || configuration_.without_daemon == WithoutDaemon::refuse);
    attempt.refused = refused_unasked || (attempt.verdict && attempt.verdict->word == "deny");
    tell_what_is_noted(now); // by those who could not wait for us
}

/// Whoever wants no try without a word from the daemon wants none on a token that cannot be named to it. With
/// no token there is no try, and the backend says so itself.
bool LoginFlow::refuses_unknown_token(CK_RV token_rv) const {
    switch (token_rv) {
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_DEVICE_REMOVED:
    case CKR_SLOT_ID_INVALID:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
        return false;
    default: // CK_RV is an open set of numbers
        return configuration_.guard_last_try || configuration_.without_daemon == WithoutDaemon::refuse;
    }
}

void LoginFlow::after_login(const LoginAttempt& attempt, CK_SESSION_HANDLE session, CK_RV rv,
                            const CK_UTF8CHAR* pin, CK_ULONG pin_bytes) {
    const auto duration = std::chrono::steady_clock::now() - attempt.began;
    if (is_lost_session(rv) && attempt.slot && attempt.slot->index) {
        remove_dead_sessions(*attempt.slot->index);
        end_logins_without_sessions();
    }
    if (is_no_attempt(rv)) {
        tell_what_is_noted(std::chrono::steady_clock::now() + attempt.wait_left);
        return;
    }
    const std::optional<SlotPlace> place = attempt.slot ? attempt.slot : slot_of(session);
    if (!place) {
        return;
    }
    // At once: other threads may use the key, log out and close sessions from now on.
    const std::uint64_t number =
        rv == CKR_OK && place->index ? begin_login(*place->index, session, attempt.known_session) : 0;
    const std::optional<SeenToken> token = attempt.token ? attempt.token : token_of(*place);
    const LoginOutcome outcome{rv, is_default_pin(rv, pin, pin_bytes), attempt.started_at,
                               std::chrono::duration_cast<std::chrono::microseconds>(duration),
                               attempt.verdict ? std::optional(attempt.verdict->word) : std::nullopt};
    const std::string login = random_id();
    boost::json::object message = result_message(login, token ? token->identity : TokenIdentity{}, outcome);
    if (rv == CKR_OK && attempt.verdict && attempt.verdict->challenge) {
        const bool pin_given = pin != nullptr && pin_bytes > 0 && !token->protected_path;
        message["attestation"] =
            attest(*attempt.verdict->challenge, *place, login, attempt.started_at, pin_given);
    }
    const bool late = attempt.asked && !attempt.verdict;
    if (number != 0) {
        note(LoginBegin{*place->index, number, std::move(message), late,
                        attempt.verdict ? attempt.verdict->generation : 0});
    } else {
        note(OtherReport{std::move(message), late});
    }
    tell(std::chrono::steady_clock::now() + attempt.wait_left);
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

std::uint64_t LoginFlow::begin_login(SlotIndex slot, CK_SESSION_HANDLE session, bool known_session) {
    const std::lock_guard lock(events_mutex_);
    end_login(slot, "sessions_closed"); // PKCS#11 2.40 §5.6: with its token, and nobody was called
    const std::uint64_t number = uses_.begin(slot);
    if (!known_session && !sessions_.find(session) && !sessions_.overflowed()) {
        sessions_.add(session, slot); // a session that a forked child has inherited
    }
    if (sessions_.without_sessions(slot) && !sessions_.overflowed()) {
        end_login(slot, "sessions_closed"); // by another thread, which has seen no login yet
    }
    return number;
}

/// With events_mutex_ held.
void LoginFlow::end_login(SlotIndex slot, std::string_view reason) {
    if (uses_.is_open(slot)) {
        const std::uint64_t number = uses_.number(slot);
        events_.emplace_back(LoginEnd{slot, number, reason, 0, std::chrono::system_clock::now()});
        std::get<LoginEnd>(events_.back()).uses = uses_.end(slot);
    }
}

void LoginFlow::after_logout(CK_SESSION_HANDLE session, std::optional<SlotIndex> slot,
                             std::uint64_t login_number) {
    if (!slot || uses_.number(*slot) != login_number) {
        // Another thread has logged in meanwhile. Before the C_Logout, or after it?
        const std::optional<SlotPlace> place = slot_of(session);
        slot = place ? place->index : std::nullopt;
        login_number = slot ? uses_.number(*slot) : 0;
        if (!slot || user_is_logged_in(session, *place)) {
            return;
        }
    }
    {
        const std::lock_guard lock(events_mutex_);
        if (uses_.number(*slot) == login_number) {
            end_login(*slot, "logout");
        }
    }
    tell(deadline_from_now());
}

void LoginFlow::end_logins_without_sessions() {
    const std::lock_guard lock(events_mutex_);
    for (SlotIndex slot = 0; slot < tracked_slots_max; ++slot) {
        if (sessions_.without_sessions(slot)) {
            end_login(slot, "sessions_closed");
        }
    }
}

void LoginFlow::after_sessions_closed() {
    end_logins_without_sessions();
    tell(deadline_from_now());
}

void LoginFlow::remove_dead_sessions(SlotIndex slot) {
    sessions_.remove_dead(slot, [&](CK_SESSION_HANDLE session) {
        CK_SESSION_INFO info{};
        const CK_RV rv = backend_.C_GetSessionInfo(session, &info);
        return is_lost_session(rv) || (rv == CKR_OK && info.slotID != sessions_.slot_id(slot));
    });
}

void LoginFlow::after_sessions_lost(SlotIndex slot) {
    remove_dead_sessions(slot);
    after_sessions_closed();
}

void LoginFlow::after_finalize() {
    {
        const std::lock_guard lock(events_mutex_);
        for (SlotIndex slot = 0; slot < tracked_slots_max; ++slot) {
            end_login(slot, "finalized");
        }
        uses_.reset();
        sessions_.reset();
    }
    const Deadline deadline = deadline_from_now();
    tell(deadline);
    if (std::unique_lock client(client_mutex_, deadline); client.owns_lock()) {
        client_.close_if_all_told();
    }
}

// --- PINs ---

/// PKCS#11 2.40 §5.5: C_SetPIN sets the PIN of the user whose session it is, or with nobody logged in the
/// user's; C_InitPIN is the SO's and sets the user's. In all other states the backend says what is wrong, or
/// it is not the user's PIN.
bool LoginFlow::refuses_new_pin(std::string_view function, CK_SESSION_HANDLE session,
                                const CK_UTF8CHAR* new_pin, CK_ULONG new_pin_bytes) const {
    if (configuration_.refused_new_pins.empty() || new_pin == nullptr) {
        return false;
    }
    const std::optional<CK_SESSION_INFO> info = session_info(session);
    const CK_STATE state = info ? info->state : CKS_RO_PUBLIC_SESSION;
    const bool can_set = function == "C_SetPIN"
                             ? state == CKS_RW_PUBLIC_SESSION || state == CKS_RW_USER_FUNCTIONS
                             : state == CKS_RW_SO_FUNCTIONS;
    if (!can_set) {
        return false;
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
    note(OtherReport{pin_message(function, token->identity, rv, is_default_pin(rv, new_pin, new_pin_bytes)),
                     false});
    tell(deadline_from_now());
}

// --- Telling ---

void LoginFlow::note(Event event) {
    const std::lock_guard lock(events_mutex_);
    events_.push_back(std::move(event));
}

bool LoginFlow::anything_noted() {
    const std::lock_guard lock(events_mutex_);
    return !events_.empty();
}

void LoginFlow::tell_what_is_noted(Deadline deadline) {
    if (anything_noted()) {
        tell(deadline);
    }
}

/// Waits for the client and then for the daemon, until the deadline in all.
void LoginFlow::tell(Deadline deadline) {
    std::unique_lock client(client_mutex_, deadline);
    while (client.owns_lock()) {
        hand_over(deadline);
        client.unlock();
        // Who could not wait for us has left us its report.
        if (!anything_noted() || !client.try_lock()) {
            return;
        }
    }
}

/// With client_mutex_ held.
void LoginFlow::hand_over(Deadline deadline) {
    std::vector<Event> events;
    {
        const std::lock_guard lock(events_mutex_);
        events.swap(events_);
    }
    for (Event& event : events) {
        std::visit([&](auto& happened) { client_.note(std::move(happened), deadline); }, event);
    }
    client_.deliver(deadline);
}

void LoginFlow::first_use(SlotIndex slot) {
    if (const std::unique_lock client(client_mutex_, std::try_to_lock); client.owns_lock()) {
        client_.tell_use(slot);
    }
    tell_what_is_noted(std::chrono::steady_clock::now()); // by who could not have the client meanwhile
}

bool LoginFlow::close() {
    const std::unique_lock client(client_mutex_, std::try_to_lock);
    if (client.owns_lock()) {
        const Deadline deadline = deadline_from_now();
        hand_over(deadline);
        client_.close(deadline);
    }
    return client.owns_lock();
}

} // namespace ukey::filter
