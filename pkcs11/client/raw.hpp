// SPDX-License-Identifier: Apache-2.0
// The PKCS#11 header and what is behind Module and Session. Private: only .cpp files of pkcs11/client include
// it.
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>

#include "pkcs11/client/module.hpp"
#include "pkcs11/client/session.hpp"

namespace ukey::pkcs11 {

struct Module::Raw {
    void* library = nullptr;
    CK_FUNCTION_LIST* functions = nullptr;
};

/// A fixed field of a PKCS#11 structure: padding removed (blanks; some modules use NUL), made valid UTF-8.
std::string padded_text(const unsigned char* field, std::size_t field_bytes);

template <std::size_t Size>
std::string padded_text(const unsigned char (&field)[Size]) {
    return padded_text(field, Size);
}

inline CK_FUNCTION_LIST& functions_of(const Module& module) {
    return *module.raw().functions;
}
inline CK_SESSION_HANDLE handle_of(const Session& session) {
    return session.handle();
}

} // namespace ukey::pkcs11
