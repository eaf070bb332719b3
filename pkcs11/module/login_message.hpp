// SPDX-License-Identifier: Apache-2.0
// What the filter tells the daemon, as the JSON of docs/formats/channels.md §3. `request`, and what is only
// known when a message is sent (`late`, `uses`, `dropped`), is added by LoginClient. None of it ever holds a
// PIN.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <p11-kit/pkcs11.h>

namespace ukey::filter {

using Timestamp = std::chrono::system_clock::time_point;

/// A token as its C_GetTokenInfo describes it; printable UTF-8 without padding.
struct TokenIdentity {
    std::string manufacturer;
    std::string model;
    std::string serial;
    std::string label;

    static TokenIdentity from(const CK_TOKEN_INFO& info);
};

struct LoginOutcome {
    CK_RV rv = CKR_OK;
    /// One bit about the PIN; nullopt when none was seen or the backend didn't accept it.
    std::optional<bool> default_pin;
    Timestamp started_at;
    std::chrono::microseconds duration{0};
    /// What the daemon said before; nullopt when it did not answer.
    std::optional<std::string> verdict;
};

/// 32 hexadecimal digits, random.
std::string random_id();
/// "2026-04-01T08:30:00.123456Z".
std::string format_timestamp(Timestamp moment);
/// This process's own words about itself: its executable (the end of one longer than path_max_bytes, after
/// "…") and its name (the beginning of one longer than application_max_bytes).
boost::json::object process_claim();

struct AskDetails {
    /// The token's flags as they are now; nullopt: not read for this login.
    std::optional<CK_FLAGS> flags;
    /// A wrong PIN would be the last, and the configuration wants a person to allow that first.
    bool guarded_last_try = false;
    /// Told like an executable.
    std::string backend_path;
};
boost::json::object ask_message(const TokenIdentity& token, const AskDetails& details);
boost::json::object result_message(const std::string& login, const TokenIdentity& token,
                                   const LoginOutcome& outcome);
boost::json::object use_message(const std::string& login, std::uint64_t uses);
boost::json::object end_message(const std::string& login, std::string_view reason, std::uint64_t uses,
                                Timestamp ended_at);
boost::json::object pin_message(std::string_view function, const TokenIdentity& token, CK_RV rv,
                                std::optional<bool> default_pin);

} // namespace ukey::filter
