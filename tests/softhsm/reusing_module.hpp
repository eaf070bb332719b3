// SPDX-License-Identifier: Apache-2.0
// What a test may do to reusing_module.cpp, which it and the filter have loaded: dlsym("reusing_module").
#pragma once

#include <functional>

#include <p11-kit/pkcs11.h>

namespace ukey::test {

struct ReusingModule {
    /// The token goes, and its sessions with it; nobody is called (PKCS#11 2.40 §5.6).
    void (*pull)(CK_SLOT_ID slot);
    void (*insert)(CK_SLOT_ID slot);
    CK_FLAGS token_flags = 0;
    /// What C_GetTokenInfo answers for a token that is in.
    CK_RV token_info_rv = CKR_OK;
    int token_info_calls = 0;
    int logins = 0;
    int signatures = 0;
    /// Called in C_Login before it answers, and in C_Sign after it has signed.
    std::function<void()> in_login{};
    std::function<void()> in_sign{};
};

} // namespace ukey::test
