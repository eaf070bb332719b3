// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/session_store.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/store/key_store.hpp"

namespace ukey {
namespace {

constexpr std::string_view session_columns = "login, key_id, organisation, uid, pid, executable, "
                                             "application, grade, verdict, codes, default_pin, started_us, "
                                             "ended_us, end_reason, uses, attestation";

std::vector<std::string> read_codes(const std::string& text) {
    std::vector<std::string> codes;
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(text, error);
    if (const auto* array = value.if_array(); array != nullptr && !error) {
        for (const boost::json::value& code : *array) {
            if (code.is_string()) {
                codes.emplace_back(code.get_string());
            }
        }
    }
    return codes;
}

boost::json::object read_object(const std::string& text) {
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(text, error);
    return !error && value.is_object() ? value.get_object() : boost::json::object();
}

LoginSession read_session(const Statement& row) {
    LoginSession session{.login = row.text(0),
                         .key_id = row.text(1),
                         .organisation = row.text(2),
                         .uid = static_cast<std::uint32_t>(row.integer(3)),
                         .pid = row.integer(4),
                         .executable = row.text(5),
                         .application = row.text(6),
                         .grade = parse_evidence_grade(row.text(7)).value_or(EvidenceGrade::observed),
                         .attestation = read_object(row.text(15)),
                         .verdict = row.text(8),
                         .codes = read_codes(row.text(9)),
                         .default_pin = std::nullopt,
                         .started = from_microseconds(row.integer(11)),
                         .claimed_start = std::nullopt,
                         .ended = std::nullopt,
                         .end_reason = parse_end_reason(row.text(13)),
                         .uses = static_cast<std::uint64_t>(row.integer(14))};
    if (const auto default_pin = row.optional_integer(10)) {
        session.default_pin = *default_pin != 0;
    }
    if (const auto ended_us = row.optional_integer(12)) {
        session.ended = from_microseconds(*ended_us);
    }
    return session;
}

boost::json::array codes_to_json(const LoginSession& session) {
    return boost::json::array(session.codes.begin(), session.codes.end());
}

/// What the ledger says of an attempt; uid and pid are the kernel's word, `claim` the process's own.
boost::json::object attempt_to_json(const LoginSession& session) {
    return {{"login", session.login},
            {"key", session.key_id},
            {"organisation", session.organisation},
            {"uid", session.uid},
            {"pid", session.pid},
            {"claim", {{"executable", session.executable}, {"application", session.application}}},
            {"verdict", session.verdict},
            {"codes", codes_to_json(session)}};
}

Result<bool> is_known(Storage& storage, const std::string& login) {
    auto statement = storage.database().prepare("SELECT 1 FROM session WHERE login = ?");
    return statement.bind(login).step();
}

/// What the key is bound to, and the public key that was pinned then; empty: it is not bound.
struct Bound {
    std::string organisation;
    std::string public_key;
};

Result<Bound> find_binding(Storage& storage, const std::string& key_id) {
    auto statement =
        storage.database().prepare("SELECT organisation, spki_sha256 FROM binding WHERE key_id = ?");
    const auto row = statement.bind(key_id).step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? Bound{statement.text(0), statement.text(1)} : Bound{};
}

/// An attestation holds for what the key is bound to as the session is written: it may have been bound anew
/// between the question and the answer.
void fit_to_binding(LoginSession& session, Bound bound) {
    if (session.grade == EvidenceGrade::attested) {
        const boost::json::value* signer = session.attestation.if_contains("public_key");
        const bool same_key = bound.organisation.empty() || (signer != nullptr && signer->is_string() &&
                                                             signer->get_string() == bound.public_key);
        const bool same_organisation = session.organisation == bound.organisation;
        if (!same_organisation || !same_key) {
            session.grade = EvidenceGrade::observed;
            session.attestation = {{"refused", same_organisation ? "rekeyed" : "other_organisation"}};
        }
    }
    session.organisation = std::move(bound.organisation);
}

Result<void> insert_session(Storage& storage, const LoginSession& session) {
    auto statement =
        storage.database().prepare("INSERT INTO session (" + std::string(session_columns) +
                                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?)");
    statement.bind(session.login)
        .bind(session.key_id)
        .bind(session.organisation)
        .bind(std::int64_t{session.uid})
        .bind(session.pid)
        .bind(session.executable)
        .bind(session.application)
        .bind(to_string(session.grade))
        .bind(session.verdict)
        .bind(boost::json::serialize(codes_to_json(session)))
        .bind(session.default_pin ? std::optional<std::int64_t>(*session.default_pin ? 1 : 0) : std::nullopt)
        .bind(to_microseconds(session.started))
        .bind(static_cast<std::int64_t>(session.uses))
        .bind(session.attestation.empty() ? std::string() : boost::json::serialize(session.attestation));
    return statement.run();
}

/// A signature that took too long is not asked for next time. Only what the key has signed says how fast it
/// is: any process can answer that there is no signature.
Result<void> remember_attestation(Storage& storage, const LoginSession& session) {
    const boost::json::value* duration_us = session.attestation.if_contains("duration_us");
    if (session.grade != EvidenceGrade::attested || duration_us == nullptr || !duration_us->is_int64()) {
        return {};
    }
    auto statement =
        storage.database().prepare("UPDATE key SET attestation_us = ?, attested_us = ? WHERE key_id = ?");
    statement.bind(duration_us->get_int64()).bind(to_microseconds(storage.now()));
    return statement.bind(session.key_id).run();
}

Result<std::optional<LoginSession>> load_open(Storage& storage, const std::string& login) {
    auto statement = storage.database().prepare("SELECT " + std::string(session_columns) +
                                                " FROM session WHERE login = ? AND ended_us IS NULL");
    const auto row = statement.bind(login).step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? std::optional(read_session(statement)) : std::nullopt;
}

/// The session of that id if its process may take it up again.
Result<std::optional<LoginSession>> load_resumable(Storage& storage, const LoginSession& told) {
    auto statement = storage.database().prepare(
        "SELECT " + std::string(session_columns) +
        " FROM session WHERE login = ? AND uid IN (?, ?) AND pid = ? AND end_reason IN (?, ?)");
    // Whose it is may have been removed; the login's id is known to its process alone.
    statement.bind(told.login).bind(std::int64_t{told.uid}).bind(std::int64_t{removed_uid}).bind(told.pid);
    statement.bind(to_string(EndReason::unclean)).bind(to_string(EndReason::daemon_stopped));
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? std::optional(read_session(statement)) : std::nullopt;
}

Result<bool> resume_session(Storage& storage, LoginSession& session) {
    auto stored = load_resumable(storage, session);
    if (!stored) {
        return tl::unexpected(stored.error());
    }
    if (!*stored) {
        return false;
    }
    const std::uint64_t uses = std::max((*stored)->uses, session.uses);
    session = std::move(**stored);
    session.uses = uses;
    session.ended.reset();
    session.end_reason.reset();
    UKEY_TRY(storage.write([&]() -> Result<void> {
        auto statement = storage.database().prepare(
            "UPDATE session SET ended_us = NULL, end_reason = NULL, uses = ? WHERE login = ?");
        UKEY_TRY(statement.bind(static_cast<std::int64_t>(uses)).bind(session.login).run());
        return storage.append("session.resumed",
                              {{"login", session.login}, {"key", session.key_id}, {"uses", uses}});
    }));
    return true;
}

/// Inside Storage::write().
Result<void> write_end(Storage& storage, LoginSession& session, const SessionEnd& end) {
    session.ended = end.time;
    session.end_reason = end.reason;
    session.uses = std::max(session.uses, end.uses.value_or(0));
    auto statement = storage.database().prepare(
        "UPDATE session SET ended_us = ?, end_reason = ?, uses = ? WHERE login = ? AND ended_us IS NULL");
    statement.bind(to_microseconds(*session.ended)).bind(to_string(end.reason));
    UKEY_TRY(statement.bind(static_cast<std::int64_t>(session.uses)).bind(session.login).run());
    return storage.append("session.ended", {{"login", session.login},
                                            {"key", session.key_id},
                                            {"reason", to_string(end.reason)},
                                            {"ended_at", format_timestamp(end.time)},
                                            {"uses", session.uses}});
}

} // namespace

Result<bool> start_session(Storage& storage, LoginSession& session) {
    const auto known = is_known(storage, session.login);
    if (!known) {
        return tl::unexpected(known.error());
    }
    if (*known) {
        return resume_session(storage, session);
    }
    UKEY_TRY(storage.write([&]() -> Result<void> {
        auto bound = find_binding(storage, session.key_id);
        if (!bound) {
            return tl::unexpected(bound.error());
        }
        fit_to_binding(session, std::move(*bound));
        UKEY_TRY(insert_session(storage, session));
        boost::json::object payload = attempt_to_json(session);
        payload["grade"] = to_string(session.grade);
        payload["started_at"] = format_timestamp(session.started);
        payload["uses"] = session.uses;
        if (session.claimed_start) {
            payload["claimed_started_at"] = format_timestamp(*session.claimed_start);
        }
        if (!session.attestation.empty()) {
            payload["attestation"] = session.attestation;
        }
        UKEY_TRY(storage.append("session.started", payload));
        UKEY_TRY(remember_attestation(storage, session));
        if (session.default_pin && !session.key_id.empty()) {
            UKEY_TRY(set_pin_default(storage, session.key_id, *session.default_pin));
        }
        return {};
    }));
    return true;
}

Result<void> use_session(Storage& storage, const std::string& login, std::uint64_t uses) {
    return storage.write([&]() -> Result<void> {
        auto statement = storage.database().prepare(
            "UPDATE session SET uses = ?1 WHERE login = ?2 AND ended_us IS NULL AND uses < ?1");
        UKEY_TRY(statement.bind(static_cast<std::int64_t>(uses)).bind(login).run());
        if (storage.database().changes() == 0) {
            return {};
        }
        return storage.append("session.used", {{"login", login}, {"uses", uses}});
    });
}

Result<std::optional<LoginSession>> end_session(Storage& storage, const std::string& login,
                                                const SessionEnd& end) {
    auto session = load_open(storage, login);
    if (!session || !*session) {
        return session;
    }
    UKEY_TRY(storage.write([&] { return write_end(storage, **session, end); }));
    return session;
}

Result<std::vector<LoginSession>> end_open_sessions(Storage& storage, EndReason reason) {
    auto open =
        list_sessions(storage, {.month = {}, .key_id = {}, .organisation = {}, .open_only = true, .uid = {}});
    if (!open || open->empty()) {
        return open;
    }
    UKEY_TRY(storage.write([&]() -> Result<void> {
        for (LoginSession& session : *open) {
            UKEY_TRY(write_end(storage, session, {reason, storage.now(), std::nullopt}));
        }
        return {};
    }));
    return open;
}

Result<void> record_refusal(Storage& storage, const LoginSession& attempt) {
    return storage.write([&] { return storage.append("login.refused", attempt_to_json(attempt)); });
}

Result<void> record_failed_login(Storage& storage, const LoginSession& attempt, std::uint64_t rv) {
    return storage.write([&] {
        boost::json::object payload = attempt_to_json(attempt);
        payload["rv"] = rv;
        return storage.append("login.failed", payload);
    });
}

Result<void> record_refusal_of_report(Storage& storage, const RefusedReport& report) {
    return storage.write([&] {
        return storage.append(
            "report.refused",
            {{"uid", report.uid}, {"pid", report.pid}, {"login", report.login}, {"reason", report.reason}});
    });
}

Result<void> record_coverage_gap(Storage& storage, const boost::json::object& gap) {
    return storage.write([&] { return storage.append("coverage.gap", gap); });
}

Result<void> record_limited_reports(Storage& storage, std::uint32_t uid, std::uint64_t left_out) {
    return storage.write([&] {
        return storage.append("reports.limited", {{"uid", uid}, {"left_out", left_out}});
    });
}

Result<LoginSession> find_session(Storage& storage, const std::string& login,
                                  std::optional<std::uint32_t> uid) {
    auto statement = storage.database().prepare("SELECT " + std::string(session_columns) +
                                                " FROM session WHERE ?1 <> '' AND substr(login, 1, "
                                                "length(?1)) = ?1 AND (?2 IS NULL OR uid = ?2) LIMIT 2");
    statement.bind(login).bind(uid ? std::optional<std::int64_t>(*uid) : std::nullopt);
    std::vector<LoginSession> sessions;
    UKEY_TRY(statement.each([&] { sessions.push_back(read_session(statement)); }));
    if (sessions.size() != 1) {
        return fail(sessions.empty() ? "session.not_found" : "session.ambiguous", "find the session", login,
                    "");
    }
    return std::move(sessions.front());
}

Result<std::vector<LoginSession>> list_sessions(Storage& storage, const SessionFilter& filter) {
    const std::int64_t from_us = filter.month ? to_microseconds(filter.month->begin()) : 0;
    const std::int64_t to_us = filter.month ? to_microseconds(filter.month->end()) : INT64_MAX;
    auto statement = storage.database().prepare(
        "SELECT " + std::string(session_columns) +
        " FROM session WHERE started_us >= ?1 AND started_us < ?2 AND (?3 = '' OR key_id = ?3) "
        "AND (?4 = '' OR organisation = ?4) AND (?5 IS NULL OR uid = ?5)" +
        (filter.open_only ? " AND ended_us IS NULL" : "") + " ORDER BY started_us, login");
    statement.bind(from_us).bind(to_us).bind(filter.key_id).bind(filter.organisation);
    statement.bind(filter.uid ? std::optional<std::int64_t>(*filter.uid) : std::nullopt);
    std::vector<LoginSession> sessions;
    UKEY_TRY(statement.each([&] { sessions.push_back(read_session(statement)); }));
    return sessions;
}

} // namespace ukey
