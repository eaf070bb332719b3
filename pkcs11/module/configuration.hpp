// SPDX-License-Identifier: Apache-2.0
// Where the backend and the daemon are, and what holds without the daemon.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "pkcs11/module/bounds.hpp"

namespace ukey::filter {

/// What becomes of a login while the daemon doesn't answer.
enum class WithoutDaemon { allow, refuse };

struct Configuration {
    /// What dlopen takes; empty when none is configured.
    std::string backend_path;
    std::string login_socket = "/run/ukeyd/login.sock";
    std::chrono::milliseconds login_wait = login_wait_default;
    WithoutDaemon without_daemon = WithoutDaemon::allow;
    /// PINs that C_SetPIN and C_InitPIN may not set; empty: the backend alone decides.
    std::vector<std::string> refused_new_pins;
    /// This program may spend a PIN's last try only when a person has allowed it (ukeyctl pin
    /// allow-last-try).
    bool guard_last_try = false;
};

/// Reads /etc/ukeyd/pkcs11.conf (UKEY_PKCS11_CONF names another): lines `key = value` with the keys module,
/// login_socket, wait_ms, without_daemon (allow, refuse), refuse_new_pins (PINs, blanks between) and
/// guard_last_try (`all`, or paths of programs, blanks between); # begins a comment. What stands under
/// `[NAME]` is for the filter of that name only and comes before what stands above all sections; the backend
/// of a named filter is in its section only, so that two never have the same by mistake. The variables
/// UKEY_PKCS11_MODULE (for the filter without a name), UKEY_LOGIN_SOCKET and UKEY_LOGIN_WAIT_MS come before
/// the file; a set-user-id program ignores them all. A missing file is no error. A wrong wait_ms leaves the
/// default; a wrong without_daemon refuses. Of a file that cannot be read, or not to its end (longer than
/// configuration_max_bytes, an error), the whole lines that were read hold, but policy may be among the
/// others: then without_daemon is refuse and guard_last_try is all, whatever was read.
Configuration load_configuration(std::string_view filter_name = {});

/// NAME of a library file `ukey-pkcs11-NAME.so`; empty for any other.
std::string_view filter_name(std::string_view library_path);

/// One line on stderr if UKEY_PKCS11_DEBUG is set: a library has no other place to complain. Allocates
/// nothing.
void debug_message(std::string_view text) noexcept;

} // namespace ukey::filter
