// SPDX-License-Identifier: Apache-2.0
// SoftHSM as a module of PKCS#11 3.1, which Debian 12 has none of that keeps tokens in files: the same
// functions, C_LoginUser and C_SignMessage made from C_Login and C_Sign, and beside the standard's interfaces
// one of a vendor. UKEY_INTERFACE_MODULE_KIND: "new_lists" gives a new list with the same functions at each
// call, "own_functions" has a C_Login of its own in the list of 3.1, "failing" gives no list of interfaces.
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <string_view>

#include "pkcs11/module/interface_types.hpp"

namespace {

using namespace ukey::filter;

CK_FUNCTION_LIST* softhsm() {
    static CK_FUNCTION_LIST* const list = [] {
        CK_FUNCTION_LIST* found = nullptr;
        void* library = dlopen(UKEY_SOFTHSM_MODULE, RTLD_NOW | RTLD_LOCAL);
        reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"))(&found);
        return found;
    }();
    return list;
}

CK_RV login_user(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_bytes,
                 CK_UTF8CHAR_PTR name, CK_ULONG name_bytes) {
    const std::string_view text(reinterpret_cast<const char*>(name), name_bytes);
    return text == "管理员" ? softhsm()->C_Login(session, user, pin, pin_bytes) : CKR_USER_TYPE_INVALID;
}

CK_RV message_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
    return softhsm()->C_SignInit(session, mechanism, key);
}

CK_RV sign_message(CK_SESSION_HANDLE session, void*, CK_ULONG, CK_BYTE_PTR data, CK_ULONG data_bytes,
                   CK_BYTE_PTR signature, CK_ULONG_PTR signature_bytes) {
    return softhsm()->C_Sign(session, data, data_bytes, signature, signature_bytes);
}

CK_RV sign_message_begin(CK_SESSION_HANDLE, void*, CK_ULONG) {
    return CKR_OK;
}

/// The last part alone is signed.
CK_RV sign_message_next(CK_SESSION_HANDLE session, void*, CK_ULONG, CK_BYTE_PTR data, CK_ULONG data_bytes,
                        CK_BYTE_PTR signature, CK_ULONG_PTR signature_bytes) {
    return signature_bytes == nullptr
               ? CKR_OK
               : softhsm()->C_Sign(session, data, data_bytes, signature, signature_bytes);
}

CK_RV login_of_3_1(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_bytes) {
    return softhsm()->C_Login(session, user, pin, pin_bytes);
}

bool is_kind(std::string_view kind) {
    const char* wanted = std::getenv("UKEY_INTERFACE_MODULE_KIND");
    return wanted != nullptr && kind == wanted;
}

CK_RV session_cancel(CK_SESSION_HANDLE, CK_FLAGS) {
    return CKR_OK;
}

FunctionList30 make_functions() {
    FunctionList30 made{};
    made.base = *softhsm();
    made.base.version = {3, 1};
    if (is_kind("own_functions")) {
        made.base.C_Login = login_of_3_1;
    }
    made.login_user = login_user;
    made.session_cancel = reinterpret_cast<Untouched>(session_cancel);
    made.message_sign_init = message_sign_init;
    made.sign_message = sign_message;
    made.sign_message_begin = reinterpret_cast<Untouched>(sign_message_begin);
    made.sign_message_next = sign_message_next;
    return made;
}

FunctionList30& functions() {
    static std::deque<FunctionList30> lists;
    if (lists.empty() || is_kind("new_lists")) {
        lists.push_back(make_functions());
    }
    return lists.back();
}

std::array<Interface, 3>& interfaces() {
    static CK_UTF8CHAR standard_name[] = "PKCS 11";
    static CK_UTF8CHAR vendor_name[] = "Vendor U-Key";
    static int vendor_functions = 0;
    static std::array<Interface, 3> all;
    all = {Interface{vendor_name, &vendor_functions, 0},
           Interface{standard_name, &functions(), 1}, // CKF_INTERFACE_FORK_SAFE
           Interface{standard_name, softhsm(), 0}};
    return all;
}

} // namespace

extern "C" {
[[gnu::visibility("default")]] CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    if (list == nullptr) {
        return CKR_ARGUMENTS_BAD;
    }
    *list = softhsm();
    return CKR_OK;
}

[[gnu::visibility("default")]] CK_RV C_GetInterfaceList(Interface* list, CK_ULONG* count) {
    if (is_kind("failing")) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (list != nullptr && *count < interfaces().size()) {
        *count = interfaces().size();
        return CKR_BUFFER_TOO_SMALL;
    }
    if (list != nullptr) {
        std::ranges::copy(interfaces(), list);
    }
    *count = interfaces().size();
    return CKR_OK;
}

/// The first one that has what is asked for; 3.1 by default.
[[gnu::visibility("default")]] CK_RV C_GetInterface(CK_UTF8CHAR* name, CK_VERSION* version, Interface** found,
                                                    CK_FLAGS flags) {
    const std::string_view wanted =
        name == nullptr ? standard_interface : reinterpret_cast<const char*>(name);
    for (Interface& one : interfaces()) {
        const auto* own = static_cast<const CK_VERSION*>(one.functions);
        const bool fits =
            version == nullptr || (version->major == own->major && version->minor == own->minor);
        if (wanted == reinterpret_cast<const char*>(one.name) && fits && (one.flags & flags) == flags) {
            *found = &one;
            return CKR_OK;
        }
    }
    return CKR_FUNCTION_FAILED;
}
}
