// SPDX-License-Identifier: Apache-2.0
// What a filter may say on the login channel, decoded and bounded (docs/formats/channels.md §3).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/key.hpp"
#include "daemon/core/result.hpp"
#include "daemon/core/session.hpp"

namespace ukey {

/// The process's own words about itself, printable and cut to what is recorded.
struct LoginClaim {
    std::string executable;  ///< the last 1024 bytes
    std::string application; ///< the first 64 bytes
};

/// What asks: older filters don't say it.
struct FilterClaim {
    std::string version; ///< empty: not said
    std::string backend; ///< the path of the module behind it
};

struct AskMessage {
    std::int64_t request = 0;
    KeyIdentity token;
    LoginClaim claim;
    FilterClaim filter{};
    /// `user_pin_count_low` … that are set now; nullopt: not read for this login.
    std::optional<std::set<std::string, std::less<>>> pin_flags{};
    /// A wrong PIN would lock the key, and this program may risk that only when a person has allowed it.
    bool guarded_last_try = false;
};
/// What became of the challenge that came with a verdict.
struct AttestationReply {
    std::string nonce;
    std::string absent;    ///< why the key did not sign; empty: it did
    std::string scheme;    ///< SignatureScheme
    std::string signature; ///< raw bytes
    std::int64_t duration_us = 0;
};
struct ResultMessage {
    std::int64_t request = 0;
    std::string login;
    KeyIdentity token;
    LoginClaim claim;
    std::uint64_t rv = 0;
    std::optional<bool> default_pin;
    Timestamp started{};
    bool late = false;
    std::uint64_t uses = 0;
    std::optional<AttestationReply> attestation;
};
struct UseMessage {
    std::string login;
    std::uint64_t uses = 0;
};
struct EndMessage {
    std::int64_t request = 0;
    std::string login;
    EndReason reason = EndReason::logout;
    std::uint64_t uses = 0;
};
struct PinMessage {
    std::int64_t request = 0;
    KeyIdentity token;
    std::string function;
    std::uint64_t rv = 0;
    std::optional<bool> default_pin;
};
using LoginMessage = std::variant<AskMessage, ResultMessage, UseMessage, EndMessage, PinMessage>;

/// Error `frame.malformed` whose object is the member that is missing, wrong or too long.
Result<LoginMessage> decode_login_message(const boost::json::object& message);

} // namespace ukey
