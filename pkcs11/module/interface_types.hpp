// SPDX-License-Identifier: Apache-2.0
// What PKCS#11 3.x adds to the types of 2.40 (3.0 §3.4, §5.4; 3.2 §3.6). The p11-kit of Debian 12 ends
// at 2.40.
#pragma once

#include <array>
#include <string_view>

#include <p11-kit/pkcs11.h>

namespace ukey::filter {

/// CK_INTERFACE.
struct Interface {
    CK_UTF8CHAR_PTR name;
    void* functions;
    CK_FLAGS flags;
};

/// The name of the standard's own interfaces; others are a vendor's.
constexpr std::string_view standard_interface = "PKCS 11";

using GetInterfaceList = CK_RV (*)(Interface*, CK_ULONG_PTR);
using GetInterface = CK_RV (*)(CK_UTF8CHAR_PTR, CK_VERSION*, Interface**, CK_FLAGS);
using LoginUser = CK_RV (*)(CK_SESSION_HANDLE, CK_USER_TYPE, CK_UTF8CHAR_PTR, CK_ULONG, CK_UTF8CHAR_PTR,
                            CK_ULONG);
using MessageSignInit = CK_RV (*)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE);
/// C_SignMessage, and C_SignMessageNext.
using SignMessage = CK_RV (*)(CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR,
                              CK_ULONG_PTR);
/// A function that is passed on as it is.
using Untouched = void (*)();

/// CK_FUNCTION_LIST_3_0: what CK_FUNCTION_LIST has, in its order, and then this.
struct FunctionList30 {
    CK_FUNCTION_LIST base;
    GetInterfaceList get_interface_list;
    GetInterface get_interface;
    LoginUser login_user;
    Untouched session_cancel;
    std::array<Untouched, 10> message_encrypt_and_decrypt;
    MessageSignInit message_sign_init;
    SignMessage sign_message;
    Untouched sign_message_begin;
    SignMessage sign_message_next;
    Untouched message_sign_final;
    std::array<Untouched, 5> message_verify;
};

static_assert(sizeof(FunctionList30) == sizeof(CK_FUNCTION_LIST) + 24 * sizeof(Untouched));

/// CK_FUNCTION_LIST_3_2: and this, from C_EncapsulateKey to C_UnwrapKeyAuthenticated.
struct FunctionList32 {
    FunctionList30 base;
    std::array<Untouched, 12> added;
};

} // namespace ukey::filter
