// SPDX-License-Identifier: Apache-2.0
// Login sessions: from C_Login(CKU_USER) to their end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"

namespace ukey {

enum class EndReason {
    logout,
    sessions_closed,
    finalized,
    process_exit,
    key_removed,
    suspend,
    daemon_stopped,
    unclean,
};
std::string_view to_string(EndReason reason);
std::optional<EndReason> parse_end_reason(std::string_view text);

/// attested: the key signed this login's record, with a nonce of the daemon's. observed: the daemon heard the
/// login live. late: it was away and the same process told it on reconnection.
enum class EvidenceGrade { attested, observed, late };
std::string_view to_string(EvidenceGrade grade);
std::optional<EvidenceGrade> parse_evidence_grade(std::string_view text);

/// Of a session whose personal data was removed: (uid_t)-1, which is no user's.
constexpr std::uint32_t removed_uid = 0xFFFF'FFFF;

struct LoginSession {
    std::string login;        ///< 32 hexadecimal digits, chosen by the filter
    std::string key_id;       ///< empty: the token was not known
    std::string organisation; ///< code at the time of the login; empty: the key was not bound
    std::uint32_t uid = 0;
    std::int64_t pid = 0;
    std::string executable;  ///< the process's own claim
    std::string application; ///< the process's own claim
    EvidenceGrade grade = EvidenceGrade::observed;
    /// The ledger's member `attestation` (docs/formats/login-record.md): the signature, or why there is none.
    /// Empty: the policy does not ask for one.
    boost::json::object attestation;
    std::string verdict; ///< what the policy said: allow, warn, deny
    std::vector<std::string> codes;
    std::optional<bool> default_pin;
    Timestamp started{};
    /// What the process said, where the service cannot believe it: `started` is when it was told then. In the
    /// ledger only.
    std::optional<Timestamp> claimed_start;
    std::optional<Timestamp> ended;
    std::optional<EndReason> end_reason;
    std::uint64_t uses = 0; ///< private-key operations that succeeded
};

} // namespace ukey
