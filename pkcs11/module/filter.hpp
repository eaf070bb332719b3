// SPDX-License-Identifier: Apache-2.0
// The one filter of this copy of the module: its backend, its tables, and the process's login flow.
#pragma once

#include <atomic>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/cancellation_off.hpp"
#include "pkcs11/module/configuration.hpp"
#include "pkcs11/module/interfaces.hpp"
#include "pkcs11/module/login_flow.hpp"
#include "pkcs11/module/session_tracker.hpp"
#include "pkcs11/module/unwinding.hpp"
#include "pkcs11/module/use_counter.hpp"

namespace ukey::filter {

/// Loads the backend the first time; CKR_GENERAL_ERROR when there is none (tried again at the next call), or
/// when the backend leads back to here while it is loaded. Threads that come at the same time all load it,
/// and what the first to end has loaded is kept. With CKR_OK everything below may be used until the module is
/// unloaded.
CK_RV load(CK_C_GetFunctionList own, const FunctionList30& overrides);

/// One filter, known by its place: on the way of every call that is looked at.
extern constinit SessionTracker the_sessions;
extern constinit UseCounter the_uses;
/// Set by load(), for as long as the module is loaded.
extern constinit std::atomic<const CK_FUNCTION_LIST*> the_backend;

/// The list that applications get.
CK_FUNCTION_LIST_PTR function_table() noexcept;
Interfaces& interfaces() noexcept;
inline const CK_FUNCTION_LIST& backend() noexcept {
    return *the_backend.load(std::memory_order_acquire);
}
CK_C_GetFunctionList backend_get_function_list() noexcept;
/// What the backend has of 3.x (Interfaces::backend_functions).
const FunctionList30& backend_3x() noexcept;
/// No login without the daemon's answer.
bool refuses_without_daemon() noexcept;
inline SessionTracker& sessions() noexcept {
    return the_sessions;
}
inline UseCounter& uses() noexcept {
    return the_uses;
}

/// This process's flow. PKCS#11 2.40 §5.4 (C_Initialize): a forked child is an application of its own; it
/// gets a flow of its own here, with no login, no report and no connection from its parent. nullptr when
/// memory runs out.
LoginFlow* login_flow() noexcept;

/// The flow that login_flow() gave last, or nullptr; no system call. In a forked child it may be its
/// parent's: for what needs no lock and may be lost.
LoginFlow* present_login_flow() noexcept;

/// Observing must never change what the application sees: whatever goes wrong in `observe` (memory running
/// out) costs a report and nothing else.
template <typename Observe>
void observed(Observe observe) noexcept {
    const CancellationOff off;
    try {
        LoginFlow* flow = can_throw() ? login_flow() : nullptr;
        if (flow != nullptr) {
            observe(*flow);
            return;
        }
    } catch (...) { // told below
    }
    debug_message("a report was lost: out of memory");
}

} // namespace ukey::filter
