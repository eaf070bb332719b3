// SPDX-License-Identifier: Apache-2.0
// Where the backend and the daemon are, and what holds without the daemon.
#pragma once

#include <chrono>
#include <string>

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
};

/// Reads /etc/ukeyd/pkcs11.conf (UKEY_PKCS11_CONF names another): lines `key = value` with the keys module,
/// login_socket, wait_ms and without_daemon (allow, refuse); # begins a comment. The variables
/// UKEY_PKCS11_MODULE, UKEY_LOGIN_SOCKET and UKEY_LOGIN_WAIT_MS come before the file; a set-user-id program
/// ignores them all. A missing file is no error. A wrong wait_ms leaves the default; a wrong without_daemon
/// refuses.
Configuration load_configuration();

/// One line on stderr if UKEY_PKCS11_DEBUG is set: a library has no other place to complain.
void debug_message(const std::string& text);

} // namespace ukey::filter
