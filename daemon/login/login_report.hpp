// SPDX-License-Identifier: Apache-2.0
// What a filter tells of logins and their ends, on its way into the ledger: several at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/core/key.hpp"
#include "daemon/core/session.hpp"
#include "daemon/store/session_store.hpp"

namespace ukey {

/// A login that the token let in, or refused.
struct ToldLogin {
    LoginSession session; ///< filled in from the store as it is written
    KeyIdentity token;
    std::uint64_t rv = 0;
    /// When the key was plugged in that is in now; nullopt: none with that token's identity is.
    std::optional<Timestamp> key_inserted;
    /// A module has not said yet which tokens it has: the key may be in all the same.
    bool key_may_be_unread = false;
    bool started = false; ///< written: it is the start of a session, or takes one up again
};

/// The end of a login.
struct ToldEnd {
    bool own = false; ///< the process has that session open, or told it in the same breath
    SessionEnd how;
};

struct LoginReport {
    std::int64_t request = 0;
    std::string login;
    std::variant<ToldLogin, ToldEnd> what;
    bool admitted = true; ///< false: one more than a user may have recorded; it is not written
    Result<void> done;
};

/// Writes the reports of one process in their order. One that fails (`done`) takes no other with it but the
/// end of its own login; `unwritten` are its logins that failed before. Store thread only; blocking. How many
/// reports it tried to write.
std::size_t write_reports(Storage& storage, std::vector<LoginReport>& reports,
                          std::map<std::string, Error> unwritten);

} // namespace ukey
