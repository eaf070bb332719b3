// SPDX-License-Identifier: Apache-2.0
// Every PKCS#11 function that the filter puts in front of the backend's. Each calls the backend with the
// caller's own arguments and returns the backend's own answer; the exceptions are a refused C_Login and a new
// PIN that the policy forbids. Arguments are looked at only after the backend has accepted them, less that
// new PIN.
//
// A thread that is cancelled (pthread_cancel(3)) in the backend's call, and an exception of the backend's, go
// through the override to the caller as they would without it: so none of what calls the backend is noexcept,
// and what it has begun is undone by destructors. What the filter does itself throws nothing.
#include <bit>
#include <cstdint>
#include <optional>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/filter.hpp"
#include "pkcs11/module/mechanism.hpp"

extern "C" {
CK_RV C_GetInterfaceList(ukey::filter::Interface* list, CK_ULONG_PTR count);
CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION* version, ukey::filter::Interface** interface,
                     CK_FLAGS flags);
}

namespace ukey::filter {
namespace {

/// Undoes what was begun before a call of the backend that does not come back: the thread is cancelled in it,
/// or it throws.
template <typename Undo>
class UnlessItReturns {
  public:
    explicit UnlessItReturns(Undo undo) : undo_(undo) {}
    UnlessItReturns(const UnlessItReturns&) = delete; // it would be undone twice
    UnlessItReturns& operator=(const UnlessItReturns&) = delete;
    ~UnlessItReturns() {
        if (!returned_) {
            undo_();
        }
    }
    void returned() { returned_ = true; }

  private:
    Undo undo_;
    bool returned_ = false;
};

/// The slot of a session, from our own table or from the backend.
std::optional<SlotIndex> slot_of(CK_SESSION_HANDLE session) noexcept {
    if (const std::optional<SlotIndex> slot = sessions().find(session)) {
        return slot;
    }
    CK_SESSION_INFO info{};
    const CancellationOff off; // a call that the application has not made
    if (backend().C_GetSessionInfo(session, &info) != CKR_OK) {
        return std::nullopt;
    }
    return sessions().slot_index(info.slotID);
}

/// The private key of a slot was used once.
void count_use(std::optional<SlotIndex> slot) noexcept {
    if (slot && uses().add(*slot)) {
        observed([=](LoginFlow& flow) { flow.first_use(*slot); });
    }
}

/// An operation that was begun in another call has succeeded. One of a session that we don't know is counted.
void count_operation(CK_SESSION_HANDLE session, KeyOperation operation) noexcept {
    if (!uses().any_open()) {
        return;
    }
    std::optional<SlotIndex> slot = sessions().find_private(session, operation);
    if (!slot && !sessions().find(session)) {
        slot = slot_of(session);
    }
    count_use(slot);
}

/// A one-call operation has succeeded by this mechanism.
void count_mechanism(CK_SESSION_HANDLE session, const CK_MECHANISM* mechanism) noexcept {
    if (uses().any_open() && mechanism != nullptr && uses_private_key(mechanism->mechanism)) {
        count_use(slot_of(session));
    }
}

void begin_operation(CK_SESSION_HANDLE session, KeyOperation operation,
                     const CK_MECHANISM* mechanism) noexcept {
    // PKCS#11 3.0 §5.2: a NULL mechanism cancels the operation.
    const bool with_private_key = mechanism != nullptr && uses_private_key(mechanism->mechanism);
    sessions().begin_operation(session, operation, with_private_key);
}

/// A call in this session has failed.
void note_failure(CK_RV rv, CK_SESSION_HANDLE session) noexcept {
    if (const auto slot = is_lost_session(rv) ? sessions().find(session) : std::nullopt) {
        observed([=](LoginFlow& flow) { flow.after_sessions_lost(*slot); });
    }
}

/// A call for this slot has failed.
void note_slot_failure(CK_RV rv, CK_SLOT_ID slot) noexcept {
    const auto index = is_lost_session(rv) ? sessions().known_slot(slot) : std::nullopt;
    if (index && !sessions().without_sessions(*index)) {
        observed([=](LoginFlow& flow) { flow.after_sessions_lost(*index); });
    }
}

/// PKCS#11 2.40 §5.6: with its last session a slot's login ends.
void sessions_have_changed() noexcept {
    for (std::uint64_t open = uses().open_slots(); open != 0; open &= open - 1) {
        if (sessions().without_sessions(static_cast<SlotIndex>(std::countr_zero(open)))) {
            observed([](LoginFlow& flow) { flow.after_sessions_closed(); });
            return;
        }
    }
}

// --- General purpose (§5.4) ---

CK_RV initialize(void* arguments) {
    LoginFlow* flow = login_flow();
    if (flow == nullptr) {
        return CKR_HOST_MEMORY;
    }
    const RefusingLock lock(flow->initialize_mutex());
    if (!lock.held()) {
        return CKR_GENERAL_ERROR; // the backend has been led back to us
    }
    const CK_RV rv = backend().C_Initialize(arguments);
    if (rv == CKR_OK) {
        observed(
            [](LoginFlow& current) { current.after_finalize(); }); // somebody finalised the backend past us
    }
    return rv;
}

CK_RV finalize(void* reserved_argument) {
    LoginFlow* flow = login_flow();
    if (flow == nullptr) {
        return CKR_HOST_MEMORY;
    }
    const RefusingLock lock(flow->initialize_mutex());
    const CK_RV rv = backend().C_Finalize(reserved_argument);
    if (rv == CKR_OK) {
        observed([](LoginFlow& current) { current.after_finalize(); });
    }
    return rv;
}

// --- Slots and tokens (§5.5) ---

/// Remembered, so that a login need not ask the card the same again.
CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
    const std::optional<SlotIndex> index = sessions().known_slot(slot);
    const std::uint64_t opened = index ? sessions().opened(*index) : 0;
    const CK_RV rv = backend().C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && index && info != nullptr) {
        if (LoginFlow* flow = present_login_flow()) {
            flow->token_was_read(*index, opened, *info);
        }
    }
    note_slot_failure(rv, slot);
    return rv;
}

// --- Sessions (§5.6) ---

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                   CK_SESSION_HANDLE_PTR session) {
    const SessionTracker::Opening opening = sessions().opening_begins(slot);
    UnlessItReturns call([=] { sessions().opening_failed(opening); });
    const CK_RV rv = backend().C_OpenSession(slot, flags, application, notify, session);
    call.returned();
    if (rv == CKR_OK && session != nullptr) {
        const std::optional<SlotIndex> lost = sessions().opening_succeeded(opening, slot, *session);
        if (lost) {
            observed([=](LoginFlow& flow) { flow.after_sessions_lost(*lost); });
        } else if (opening < tracked_slots_max) {
            return rv; // the slot has a session now, and no other slot has waited for us
        }
    } else {
        sessions().opening_failed(opening);
        note_slot_failure(rv, slot);
    }
    sessions_have_changed();
    return rv;
}

CK_RV close_session(CK_SESSION_HANDLE session) {
    std::optional<SessionTracker::Removed> removed = sessions().remove(session);
    if (!removed && sessions().overflowed()) {
        const std::optional<SlotIndex> slot = slot_of(session);
        removed = slot ? std::optional(SessionTracker::remove_unknown(*slot)) : std::nullopt;
    }
    UnlessItReturns call([&] {
        if (removed) {
            sessions().put_back(session, *removed);
        }
    });
    const CK_RV rv = backend().C_CloseSession(session);
    call.returned();
    if (removed && rv != CKR_OK && !is_lost_session(rv)) {
        sessions().put_back(session, *removed);
    } else if (removed && sessions().closed(*removed)) {
        sessions_have_changed();
    } else if (removed && rv != CKR_OK) { // those that it had beside it may have gone too
        observed([&](LoginFlow& flow) { flow.after_sessions_lost(removed->slot); });
    }
    return rv;
}

CK_RV close_all_sessions(CK_SLOT_ID slot) {
    const CK_RV rv = backend().C_CloseAllSessions(slot);
    if (rv == CKR_OK) {
        if (const std::optional<SlotIndex> index = sessions().slot_index(slot)) {
            sessions().remove_all(*index);
        }
    }
    sessions_have_changed();
    return rv;
}

/// `call` is the backend's C_Login or C_LoginUser with the caller's arguments.
template <typename Call>
CK_RV watched_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_bytes,
                    Call call) {
    if (user != CKU_USER) {
        return call();
    }
    LoginAttempt attempt;
    bool asked = false;
    observed([&](LoginFlow& flow) {
        attempt = flow.before_login(session);
        asked = true;
    });
    if (!asked && refuses_without_daemon()) {
        return CKR_HOST_MEMORY;
    }
    if (attempt.refused) {
        return CKR_FUNCTION_REJECTED;
    }
    const CK_RV rv = call();
    observed([&](LoginFlow& flow) { flow.after_login(attempt, session, rv, pin, pin_bytes); });
    return rv;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_bytes) {
    return watched_login(session, user, pin, pin_bytes,
                         [=] { return backend().C_Login(session, user, pin, pin_bytes); });
}

/// PKCS#11 3.0 §5.6: with a name beside the PIN, which is the backend's business alone.
CK_RV login_user(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_bytes,
                 CK_UTF8CHAR_PTR name, CK_ULONG name_bytes) {
    return watched_login(session, user, pin, pin_bytes, [=] {
        return backend_3x().login_user(session, user, pin, pin_bytes, name, name_bytes);
    });
}

CK_RV logout(CK_SESSION_HANDLE session) {
    const std::optional<SlotIndex> slot = uses().any_open() ? slot_of(session) : std::nullopt;
    const std::uint64_t login_number = slot ? uses().number(*slot) : 0;
    const CK_RV rv = backend().C_Logout(session);
    if (rv == CKR_OK && uses().any_open()) {
        observed([=](LoginFlow& flow) { flow.after_logout(session, slot, login_number); });
    }
    note_failure(rv, session);
    return rv;
}

// --- PIN (§5.5) ---

bool new_pin_is_refused(const char* function, CK_SESSION_HANDLE session, const CK_UTF8CHAR* pin,
                        CK_ULONG pin_bytes) noexcept {
    // Not observed(): the policy holds when memory has run out, and looking at it takes none.
    const CancellationOff off;
    const LoginFlow* flow = login_flow();
    return flow != nullptr && flow->refuses_new_pin(function, session, pin, pin_bytes);
}

CK_RV init_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR pin, CK_ULONG pin_bytes) {
    const CK_RV rv = new_pin_is_refused("C_InitPIN", session, pin, pin_bytes)
                         ? CKR_PIN_INVALID
                         : backend().C_InitPIN(session, pin, pin_bytes);
    observed([=](LoginFlow& flow) { flow.after_pin_function("C_InitPIN", session, rv, pin, pin_bytes); });
    return rv;
}

CK_RV set_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR old_pin, CK_ULONG old_pin_bytes,
              CK_UTF8CHAR_PTR new_pin, CK_ULONG new_pin_bytes) {
    // No old PIN, but a length: the backend says what is wrong.
    const bool incomplete = old_pin == nullptr && old_pin_bytes > 0;
    const CK_RV rv = !incomplete && new_pin_is_refused("C_SetPIN", session, new_pin, new_pin_bytes)
                         ? CKR_PIN_INVALID
                         : backend().C_SetPIN(session, old_pin, old_pin_bytes, new_pin, new_pin_bytes);
    observed(
        [=](LoginFlow& flow) { flow.after_pin_function("C_SetPIN", session, rv, new_pin, new_pin_bytes); });
    return rv;
}

// --- Use of the private key (§5.9 decryption, §5.11 signing, §5.13 key management). A call with a NULL
// output buffer only asks for a length (§5.2) and is no use. Encrypting, verifying and wrapping take a public
// or a secret key. ---

CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
    const CK_RV rv = backend().C_DecryptInit(session, mechanism, key);
    if (rv == CKR_OK) {
        begin_operation(session, KeyOperation::decrypt, mechanism);
    }
    note_failure(rv, session);
    return rv;
}

CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR encrypted, CK_ULONG encrypted_bytes, CK_BYTE_PTR data,
              CK_ULONG_PTR data_bytes) {
    const CK_RV rv = backend().C_Decrypt(session, encrypted, encrypted_bytes, data, data_bytes);
    if (rv == CKR_OK && data != nullptr) {
        count_operation(session, KeyOperation::decrypt);
    }
    note_failure(rv, session);
    return rv;
}

CK_RV decrypt_final(CK_SESSION_HANDLE session, CK_BYTE_PTR last_part, CK_ULONG_PTR last_part_bytes) {
    const CK_RV rv = backend().C_DecryptFinal(session, last_part, last_part_bytes);
    if (rv == CKR_OK && last_part != nullptr) {
        count_operation(session, KeyOperation::decrypt);
    }
    return rv;
}

CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
    const CK_RV rv = backend().C_SignInit(session, mechanism, key);
    if (rv == CKR_OK) {
        begin_operation(session, KeyOperation::sign, mechanism);
    }
    note_failure(rv, session);
    return rv;
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_bytes, CK_BYTE_PTR signature,
           CK_ULONG_PTR signature_bytes) {
    const CK_RV rv = backend().C_Sign(session, data, data_bytes, signature, signature_bytes);
    if (rv == CKR_OK && signature != nullptr) {
        count_operation(session, KeyOperation::sign);
    }
    note_failure(rv, session);
    return rv;
}

CK_RV sign_final(CK_SESSION_HANDLE session, CK_BYTE_PTR signature, CK_ULONG_PTR signature_bytes) {
    const CK_RV rv = backend().C_SignFinal(session, signature, signature_bytes);
    if (rv == CKR_OK && signature != nullptr) {
        count_operation(session, KeyOperation::sign);
    }
    return rv;
}

/// Only private keys sign with recovery (§5.11), so C_SignRecoverInit stays the backend's own.
CK_RV sign_recover(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_bytes, CK_BYTE_PTR signature,
                   CK_ULONG_PTR signature_bytes) {
    const CK_RV rv = backend().C_SignRecover(session, data, data_bytes, signature, signature_bytes);
    if (rv == CKR_OK && signature != nullptr && uses().any_open()) {
        count_use(slot_of(session));
    }
    return rv;
}

CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE unwrapping_key,
                 CK_BYTE_PTR wrapped, CK_ULONG wrapped_bytes, CK_ATTRIBUTE_PTR attributes,
                 CK_ULONG attribute_count, CK_OBJECT_HANDLE_PTR key) {
    const CK_RV rv = backend().C_UnwrapKey(session, mechanism, unwrapping_key, wrapped, wrapped_bytes,
                                           attributes, attribute_count, key);
    if (rv == CKR_OK) {
        count_mechanism(session, mechanism);
    }
    return rv;
}

CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base_key,
                 CK_ATTRIBUTE_PTR attributes, CK_ULONG attribute_count, CK_OBJECT_HANDLE_PTR key) {
    const CK_RV rv = backend().C_DeriveKey(session, mechanism, base_key, attributes, attribute_count, key);
    if (rv == CKR_OK) {
        count_mechanism(session, mechanism);
    }
    return rv;
}

// --- Signing messages (3.0 §5.14). Encrypting and decrypting them takes a secret key: no mechanism for a
// private one. ---

CK_RV message_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
    const CK_RV rv = backend_3x().message_sign_init(session, mechanism, key);
    if (rv == CKR_OK) {
        begin_operation(session, KeyOperation::sign, mechanism);
    }
    return rv;
}

CK_RV sign_message(CK_SESSION_HANDLE session, void* parameter, CK_ULONG parameter_bytes, CK_BYTE_PTR data,
                   CK_ULONG data_bytes, CK_BYTE_PTR signature, CK_ULONG_PTR signature_bytes) {
    const CK_RV rv = backend_3x().sign_message(session, parameter, parameter_bytes, data, data_bytes,
                                               signature, signature_bytes);
    if (rv == CKR_OK && signature != nullptr) {
        count_operation(session, KeyOperation::sign);
    }
    return rv;
}

/// Only the last part has a place for a signature.
CK_RV sign_message_next(CK_SESSION_HANDLE session, void* parameter, CK_ULONG parameter_bytes,
                        CK_BYTE_PTR data, CK_ULONG data_bytes, CK_BYTE_PTR signature,
                        CK_ULONG_PTR signature_bytes) {
    const CK_RV rv = backend_3x().sign_message_next(session, parameter, parameter_bytes, data, data_bytes,
                                                    signature, signature_bytes);
    if (rv == CKR_OK && signature != nullptr && signature_bytes != nullptr) {
        count_operation(session, KeyOperation::sign);
    }
    return rv;
}

constexpr FunctionList30 overrides() {
    FunctionList30 all{};
    all.get_interface_list = C_GetInterfaceList;
    all.get_interface = C_GetInterface;
    all.login_user = login_user;
    all.message_sign_init = message_sign_init;
    all.sign_message = sign_message;
    all.sign_message_next = sign_message_next;
    CK_FUNCTION_LIST& table = all.base;
    table.C_Initialize = initialize;
    table.C_Finalize = finalize;
    table.C_GetFunctionList = C_GetFunctionList;
    table.C_GetTokenInfo = get_token_info;
    table.C_OpenSession = open_session;
    table.C_CloseSession = close_session;
    table.C_CloseAllSessions = close_all_sessions;
    table.C_Login = login;
    table.C_Logout = logout;
    table.C_InitPIN = init_pin;
    table.C_SetPIN = set_pin;
    table.C_DecryptInit = decrypt_init;
    table.C_Decrypt = decrypt;
    table.C_DecryptFinal = decrypt_final;
    table.C_SignInit = sign_init;
    table.C_Sign = sign;
    table.C_SignFinal = sign_final;
    table.C_SignRecover = sign_recover;
    table.C_UnwrapKey = unwrap_key;
    table.C_DeriveKey = derive_key;
    return all;
}

/// Before everything: these functions may come before C_Initialize.
CK_RV loaded() noexcept {
    try {
        return load(C_GetFunctionList, overrides());
    } catch (...) {
        return CKR_HOST_MEMORY;
    }
}

/// PKCS#11 2.40 §5.4. The backend itself judges the caller's pointer.
CK_RV get_function_list(CK_FUNCTION_LIST_PTR_PTR list) {
    if (const CK_RV rv = loaded(); rv != CKR_OK) {
        return rv;
    }
    const CK_RV rv = backend_get_function_list()(list);
    if (rv == CKR_OK) {
        *list = function_table();
    }
    return rv;
}

CK_RV get_interface_list(Interface* list, CK_ULONG_PTR count) {
    const CK_RV rv = loaded();
    return rv == CKR_OK ? interfaces().list(list, count) : rv;
}

CK_RV get_interface(CK_UTF8CHAR_PTR name, CK_VERSION* version, Interface** interface, CK_FLAGS flags) {
    const CK_RV rv = loaded();
    return rv == CKR_OK ? interfaces().get(name, version, interface, flags) : rv;
}

} // namespace
} // namespace ukey::filter

extern "C" [[gnu::visibility("default")]] CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
    return ukey::filter::get_function_list(list);
}

extern "C" [[gnu::visibility("default")]] CK_RV C_GetInterfaceList(ukey::filter::Interface* list,
                                                                   CK_ULONG_PTR count) {
    return ukey::filter::get_interface_list(list, count);
}

extern "C" [[gnu::visibility("default")]] CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION* version,
                                                               ukey::filter::Interface** interface,
                                                               CK_FLAGS flags) {
    return ukey::filter::get_interface(name, version, interface, flags);
}
