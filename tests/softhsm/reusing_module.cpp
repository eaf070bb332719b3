// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module with two slots, in each a token with one RSA key, that gives the handle of a session which
// has gone to the next one that is opened, as OpenSC may: its handles are heap addresses. Any PIN is right.
#include "tests/softhsm/reusing_module.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace {

constexpr std::size_t slots = 2;
constexpr CK_OBJECT_HANDLE the_key = 1;

struct Session {
    bool open = false;
    bool read_write = false;
    CK_SLOT_ID slot = 0;
};

std::array<bool, slots> present{true, true};
std::array<bool, slots> logged_in{};
/// A handle is the place here plus one.
std::array<Session, 16> sessions;
bool key_found = false;

ukey::test::ReusingModule& control();

Session* find(CK_SESSION_HANDLE handle) {
    return handle >= 1 && handle <= sessions.size() && sessions[handle - 1].open ? &sessions[handle - 1]
                                                                                 : nullptr;
}

CK_RV close_all_sessions(CK_SLOT_ID slot) {
    for (Session& session : sessions) {
        session.open = session.open && session.slot != slot;
    }
    logged_in.at(slot) = false;
    return CKR_OK;
}

void pull(CK_SLOT_ID slot) {
    present.at(slot) = false;
    close_all_sessions(slot);
}

void insert(CK_SLOT_ID slot) {
    present.at(slot) = true;
}

CK_RV initialize(void*) {
    return CKR_OK;
}

CK_RV finalize(void*) {
    pull(0);
    pull(1);
    present = {true, true};
    return CKR_OK;
}

CK_RV get_slot_list(unsigned char, CK_SLOT_ID* list, CK_ULONG* count) {
    if (list != nullptr) {
        list[0] = 0;
        list[1] = 1;
    }
    *count = slots;
    return CKR_OK;
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    ++control().token_info_calls;
    if (slot >= slots || !present.at(slot)) {
        return slot >= slots ? CKR_SLOT_ID_INVALID : CKR_TOKEN_NOT_PRESENT;
    }
    *info = {};
    std::memset(info->label, ' ', sizeof info->label);
    std::memset(info->serialNumber, ' ', sizeof info->serialNumber);
    info->serialNumber[0] = slot == 0 ? 'A' : 'B';
    info->flags = control().token_flags;
    return control().token_info_rv;
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void*, CK_NOTIFY, CK_SESSION_HANDLE* handle) {
    if (slot >= slots || !present.at(slot)) {
        return slot >= slots ? CKR_SLOT_ID_INVALID : CKR_TOKEN_NOT_PRESENT;
    }
    for (std::size_t place = 0; place < sessions.size(); ++place) {
        if (!sessions.at(place).open) {
            sessions.at(place) = {true, (flags & CKF_RW_SESSION) != 0, slot};
            *handle = place + 1;
            return CKR_OK;
        }
    }
    return CKR_SESSION_COUNT;
}

CK_RV close_session(CK_SESSION_HANDLE handle) {
    Session* session = find(handle);
    if (session == nullptr) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    session->open = false;
    bool others = false;
    for (const Session& other : sessions) {
        others = others || (other.open && other.slot == session->slot);
    }
    logged_in.at(session->slot) = logged_in.at(session->slot) && others;
    return CKR_OK;
}

CK_RV get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO* info) {
    const Session* session = find(handle);
    if (session == nullptr) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    *info = {};
    info->slotID = session->slot;
    info->state = session->read_write ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
    if (logged_in.at(session->slot)) {
        info->state = session->read_write ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
    }
    return CKR_OK;
}

CK_RV login(CK_SESSION_HANDLE handle, CK_USER_TYPE, CK_UTF8CHAR*, CK_ULONG) {
    const Session* session = find(handle);
    if (session == nullptr || logged_in.at(session->slot)) {
        return session == nullptr ? CKR_SESSION_HANDLE_INVALID : CKR_USER_ALREADY_LOGGED_IN;
    }
    ++control().logins;
    logged_in.at(session->slot) = true;
    if (control().in_login) {
        control().in_login();
    }
    return CKR_OK;
}

CK_RV logout(CK_SESSION_HANDLE handle) {
    const Session* session = find(handle);
    if (session == nullptr || !logged_in.at(session->slot)) {
        return session == nullptr ? CKR_SESSION_HANDLE_INVALID : CKR_USER_NOT_LOGGED_IN;
    }
    logged_in.at(session->slot) = false;
    return CKR_OK;
}

CK_RV set_pin(CK_SESSION_HANDLE handle, CK_UTF8CHAR* old_pin, CK_ULONG old_bytes, CK_UTF8CHAR*, CK_ULONG) {
    const Session* session = find(handle);
    if (session == nullptr) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    if (!session->read_write) {
        return CKR_SESSION_READ_ONLY;
    }
    return old_pin == nullptr && old_bytes > 0 ? CKR_ARGUMENTS_BAD : CKR_OK;
}

CK_RV find_objects_init(CK_SESSION_HANDLE, CK_ATTRIBUTE*, CK_ULONG) {
    key_found = false;
    return CKR_OK;
}

CK_RV find_objects(CK_SESSION_HANDLE, CK_OBJECT_HANDLE* objects, CK_ULONG, CK_ULONG* count) {
    objects[0] = the_key;
    *count = key_found ? 0 : 1;
    key_found = true;
    return CKR_OK;
}

CK_RV find_objects_final(CK_SESSION_HANDLE) {
    return CKR_OK;
}

CK_RV get_attribute_value(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE* attribute, CK_ULONG) {
    constexpr CK_KEY_TYPE key_type = CKK_RSA;
    if (attribute->type != CKA_KEY_TYPE) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    std::memcpy(attribute->pValue, &key_type, sizeof key_type);
    return CKR_OK;
}

CK_RV get_mechanism_info(CK_SLOT_ID, CK_MECHANISM_TYPE, CK_MECHANISM_INFO* info) {
    info->flags = CKF_SIGN;
    return CKR_OK;
}

CK_RV sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM*, CK_OBJECT_HANDLE) {
    return find(handle) == nullptr ? CKR_SESSION_HANDLE_INVALID : CKR_OK;
}

CK_RV sign(CK_SESSION_HANDLE handle, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG* signature_bytes) {
    if (find(handle) == nullptr) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    ++control().signatures;
    *signature_bytes = 1;
    // Once: what is done there may sign too.
    if (const std::function<void()> once = std::exchange(control().in_sign, nullptr)) {
        once();
    }
    return CKR_OK;
}

} // namespace

extern "C" {
[[gnu::visibility("default")]] ukey::test::ReusingModule reusing_module{.pull = pull, .insert = insert};
}

namespace {

ukey::test::ReusingModule& control() {
    return reusing_module;
}

CK_FUNCTION_LIST function_list() {
    CK_FUNCTION_LIST list{};
    list.version = {2, 40};
    list.C_Initialize = initialize;
    list.C_Finalize = finalize;
    list.C_GetFunctionList = C_GetFunctionList;
    list.C_GetSlotList = get_slot_list;
    list.C_GetTokenInfo = get_token_info;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_CloseAllSessions = close_all_sessions;
    list.C_GetSessionInfo = get_session_info;
    list.C_Login = login;
    list.C_Logout = logout;
    list.C_SetPIN = set_pin;
    list.C_FindObjectsInit = find_objects_init;
    list.C_FindObjects = find_objects;
    list.C_FindObjectsFinal = find_objects_final;
    list.C_GetAttributeValue = get_attribute_value;
    list.C_GetMechanismInfo = get_mechanism_info;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
    return list;
}

} // namespace

extern "C" [[gnu::visibility("default")]] CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    static CK_FUNCTION_LIST functions = function_list();
    *list = &functions;
    return CKR_OK;
}
