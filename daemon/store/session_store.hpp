// SPDX-License-Identifier: Apache-2.0
// Login sessions in the database. Store thread only; blocking.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/core/session.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// Records `session.started` and what the login showed of the PIN. The session's organisation is filled in
/// from the key's binding. When that login id is known already: a session that ended only because the daemon
/// went away (`unclean`, `daemon_stopped`), told again by its own process, goes on (record `session.resumed`)
/// and is filled in from the store; otherwise false, and nothing is written.
Result<bool> start_session(Storage& storage, LoginSession& session);

/// The private key was used for the first time (record `session.used`). Nothing when the session is not open.
Result<void> use_session(Storage& storage, const std::string& login, std::uint64_t uses);

/// How a session ended.
struct SessionEnd {
    EndReason reason;
    Timestamp time;
    std::optional<std::uint64_t> uses; ///< when the end told them
};

/// Ends an open session (record `session.ended`) and returns it as it is then; nullopt when it is not open.
Result<std::optional<LoginSession>> end_session(Storage& storage, const std::string& login,
                                                const SessionEnd& end);

/// Ends all that are open.
Result<std::vector<LoginSession>> end_open_sessions(Storage& storage, EndReason reason);

/// A login that the policy refused (record `login.refused`).
Result<void> record_refusal(Storage& storage, const LoginSession& attempt);
/// A login that the token refused (record `login.failed`): a wrong PIN, for example.
Result<void> record_failed_login(Storage& storage, const LoginSession& attempt, std::uint64_t rv);

/// A report that was not what it claimed to be: it changed nothing.
struct RefusedReport {
    std::uint32_t uid;
    std::int64_t pid;
    std::string login;  ///< empty: it named none
    std::string reason; ///< `foreign_sender`, or why an attestation does not hold
};
/// Record `report.refused`.
Result<void> record_refusal_of_report(Storage& storage, const RefusedReport& report);

/// A sign that a login could have gone unseen (record `coverage.gap`).
Result<void> record_coverage_gap(Storage& storage, const boost::json::object& gap);

/// Reports of one user that were more than login.reports_per_minute (record `reports.limited`).
Result<void> record_limited_reports(Storage& storage, std::uint32_t uid, std::uint64_t left_out);

struct SessionFilter {
    std::optional<ChinaMonth> month; ///< by the session's start
    std::string key_id;
    std::string organisation; ///< code
    bool open_only = false;
    std::optional<std::uint32_t> uid;
};
/// By its id, or the beginning of it; `uid`: only of that user. Errors `session.not_found`,
/// `session.ambiguous`.
Result<LoginSession> find_session(Storage& storage, const std::string& login,
                                  std::optional<std::uint32_t> uid);

/// In the order of their starts.
Result<std::vector<LoginSession>> list_sessions(Storage& storage, const SessionFilter& filter);

} // namespace ukey
