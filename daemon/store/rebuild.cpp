// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/rebuild.hpp"

#include <algorithm>
#include <variant>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/core/ledger_payload.hpp"
#include "daemon/store/archive_store.hpp"

namespace ukey {
namespace {

constexpr const char* tables = R"sql(
CREATE TEMP TABLE rebuilt_key (
    key_id TEXT PRIMARY KEY, manufacturer TEXT, model TEXT, serial TEXT, certificate_sha256 TEXT,
    certificate_removed INTEGER NOT NULL DEFAULT 0,
    first_seen_us INTEGER, last_seen_us INTEGER, pin_default INTEGER, attestation_us INTEGER,
    attested_us INTEGER, returned INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE rebuilt_key_public_key (
    key_id TEXT, spki_sha256 TEXT, first_seen_us INTEGER, PRIMARY KEY (key_id, spki_sha256)
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE rebuilt_binding (
    key_id TEXT PRIMARY KEY, organisation TEXT, spki_sha256 TEXT, bound_us INTEGER, bound_by_uid INTEGER
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE rebuilt_session (
    login TEXT PRIMARY KEY, key_id TEXT, organisation TEXT, uid INTEGER, pid INTEGER, executable TEXT,
    application TEXT, grade TEXT, verdict TEXT, codes TEXT, started_us INTEGER, ended INTEGER,
    ended_us INTEGER, end_reason TEXT, uses INTEGER, attestation TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO rebuilt_key SELECT * FROM base_key;
INSERT INTO rebuilt_key_public_key SELECT * FROM base_key_public_key;
INSERT INTO rebuilt_binding SELECT * FROM base_binding;
INSERT INTO rebuilt_session SELECT * FROM base_session;
)sql";

constexpr const char* no_tables = R"sql(
DROP TABLE rebuilt_key;
DROP TABLE rebuilt_key_public_key;
DROP TABLE rebuilt_binding;
DROP TABLE rebuilt_session;
)sql";

class Rebuild {
  public:
    explicit Rebuild(Database& database) : database_(database) {}

    /// False when the record has not what its kind has.
    Result<bool> take(const LedgerRecord& record, const Opening* opening);
    /// A record that refers to what is not there, unless that was removed before a later moment than its own.
    std::optional<std::uint64_t> missing_opening() const {
        return unopened_ && unopened_->time >= removed_before_ ? std::optional(unopened_->seq) : std::nullopt;
    }

  private:
    template <typename Said>
    Result<void> apply(const Said& /*said*/) {
        return {}; // no table has anything of it
    }
    Result<void> apply(const payload::KeySeen& said);
    Result<void> apply(const payload::KeyInserted& said);
    Result<void> apply(const payload::KeyBound& said);
    Result<void> apply(const payload::KeyReleased& said);
    Result<void> apply(const payload::KeyReturned& said);
    Result<void> apply(const payload::PinState& said);
    Result<void> apply(const payload::PersonalRemoved& said);
    Result<void> apply(const payload::SessionStarted& said);
    Result<void> apply(const payload::SessionUsed& said);
    Result<void> apply(const payload::SessionResumed& said);
    Result<void> apply(const payload::SessionEnded& said);
    std::int64_t time_us() const { return to_microseconds(time_); }

    Database& database_;
    Timestamp time_{}; ///< of the record
    struct Unopened {
        std::uint64_t seq;
        Timestamp time;
    };
    std::optional<Unopened> unopened_; ///< the latest one
    Timestamp removed_before_{};
    Statement key_seen_ = database_.prepare("INSERT OR IGNORE INTO rebuilt_key (key_id, manufacturer, model, "
                                            "serial, first_seen_us, last_seen_us) "
                                            "VALUES (?, ?, ?, ?, ?, 0)");
    Statement key_inserted_ = database_.prepare(
        "UPDATE rebuilt_key SET last_seen_us = ?1, certificate_sha256 = coalesce(?2, certificate_sha256), "
        "certificate_removed = CASE WHEN ?2 IS NULL THEN certificate_removed ELSE 0 END WHERE key_id = ?3");
    Statement certificates_removed_ =
        database_.prepare("UPDATE rebuilt_key SET certificate_removed = 1 WHERE last_seen_us < ?");
    Statement public_key_ = database_.prepare(
        "INSERT OR IGNORE INTO rebuilt_key_public_key (key_id, spki_sha256, first_seen_us) VALUES (?, ?, ?)");
    Statement key_bound_ = database_.prepare("INSERT OR REPLACE INTO rebuilt_binding (key_id, organisation, "
                                             "spki_sha256, bound_us, bound_by_uid) VALUES (?, ?, ?, ?, ?)");
    Statement key_released_ = database_.prepare("DELETE FROM rebuilt_binding WHERE key_id = ?");
    Statement key_returned_ = database_.prepare("UPDATE rebuilt_key SET returned = 1 WHERE key_id = ?");
    Statement pin_state_ = database_.prepare("UPDATE rebuilt_key SET pin_default = ? WHERE key_id = ?");
    Statement session_started_ = database_.prepare(
        "INSERT OR IGNORE INTO rebuilt_session (login, key_id, organisation, uid, pid, executable, "
        "application, grade, verdict, codes, started_us, ended, uses, attestation) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)");
    Statement session_used_ = database_.prepare("UPDATE rebuilt_session SET uses = ? WHERE login = ?");
    Statement session_resumed_ = database_.prepare(
        "UPDATE rebuilt_session SET ended = 0, ended_us = NULL, end_reason = NULL, uses = ? WHERE login = ?");
    Statement session_ended_ = database_.prepare(
        "UPDATE rebuilt_session SET ended = 1, ended_us = ?, end_reason = ?, uses = ? WHERE login = ?");
    Statement attested_ =
        database_.prepare("UPDATE rebuilt_key SET attestation_us = ?, attested_us = ? WHERE key_id = ?");
};

std::int64_t number_of(const std::optional<std::uint32_t>& uid) {
    return uid.value_or(removed_uid);
}

Result<void> Rebuild::apply(const payload::KeySeen& said) {
    key_seen_.reset().bind(said.key_id).bind(said.manufacturer).bind(said.model);
    return key_seen_.bind(said.serial).bind(time_us()).run();
}

Result<void> Rebuild::apply(const payload::KeyInserted& said) {
    key_inserted_.reset().bind(time_us());
    if (said.certificate_sha256.empty()) {
        return key_inserted_.bind_null().bind(said.key_id).run();
    }
    key_inserted_.bind(said.certificate_sha256);
    UKEY_TRY(key_inserted_.bind(said.key_id).run());
    return public_key_.reset().bind(said.key_id).bind(said.spki_sha256).bind(time_us()).run();
}

Result<void> Rebuild::apply(const payload::KeyBound& said) {
    key_bound_.reset().bind(said.key_id).bind(said.organisation).bind(said.spki_sha256);
    return key_bound_.bind(time_us()).bind(number_of(said.uid)).run();
}

Result<void> Rebuild::apply(const payload::KeyReleased& said) {
    return key_released_.reset().bind(said.key_id).run();
}

Result<void> Rebuild::apply(const payload::KeyReturned& said) {
    return key_returned_.reset().bind(said.key_id).run();
}

Result<void> Rebuild::apply(const payload::PinState& said) {
    return pin_state_.reset().bind(std::int64_t{said.is_default}).bind(said.key_id).run();
}

Result<void> Rebuild::apply(const payload::PersonalRemoved& said) {
    removed_before_ = std::max(removed_before_, said.before);
    return certificates_removed_.reset().bind(to_microseconds(said.before)).run();
}

Result<void> Rebuild::apply(const payload::SessionStarted& said) {
    const boost::json::array codes(said.codes.begin(), said.codes.end());
    session_started_.reset()
        .bind(said.login)
        .bind(said.key_id)
        .bind(said.organisation)
        .bind(number_of(said.uid))
        .bind(said.pid)
        .bind(said.personal_removed ? said.program : said.executable)
        .bind(said.application)
        .bind(to_string(said.grade))
        .bind(said.verdict)
        .bind(boost::json::serialize(codes))
        .bind(to_microseconds(said.started))
        .bind(static_cast<std::int64_t>(said.uses))
        .bind(said.attestation);
    UKEY_TRY(session_started_.run());
    const bool signed_once = said.attestation_duration || said.personal_removed;
    if (said.grade != EvidenceGrade::attested || !signed_once) {
        return {}; // only what the key has signed says how fast it is
    }
    attested_.reset().bind(said.attestation_duration ? std::optional(said.attestation_duration->count())
                                                     : std::nullopt);
    return attested_.bind(time_us()).bind(said.key_id).run();
}

Result<void> Rebuild::apply(const payload::SessionUsed& said) {
    return session_used_.reset().bind(static_cast<std::int64_t>(said.uses)).bind(said.login).run();
}

Result<void> Rebuild::apply(const payload::SessionResumed& said) {
    return session_resumed_.reset().bind(static_cast<std::int64_t>(said.uses)).bind(said.login).run();
}

Result<void> Rebuild::apply(const payload::SessionEnded& said) {
    session_ended_.reset().bind(said.ended ? std::optional(to_microseconds(*said.ended)) : std::nullopt);
    session_ended_.bind(to_string(said.reason)).bind(static_cast<std::int64_t>(said.uses));
    return session_ended_.bind(said.login).run();
}

Result<bool> Rebuild::take(const LedgerRecord& record, const Opening* opening) {
    const auto said = payload::decode(record.kind, record.payload,
                                      opening == nullptr ? std::string_view() : opening->value);
    if (!said) {
        return false;
    }
    time_ = record.time;
    const bool refers_to_nothing = opening == nullptr && !reference_in(record.payload).empty();
    if (refers_to_nothing && (!unopened_ || unopened_->time <= time_)) {
        unopened_ = {record.seq, time_};
    }
    UKEY_TRY(std::visit([&](const auto& what) { return apply(what); }, *said));
    return true;
}

} // namespace

Result<Rebuilt> rebuild_tables(Storage& storage, std::uint64_t last_seq) {
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    UKEY_TRY(storage.database().execute(tables));
    Rebuild rebuild(storage.database());
    Rebuilt rebuilt;
    Result<bool> taken = true;
    const auto note = [](std::vector<std::uint64_t>& list, std::uint64_t seq) {
        if (list.size() < unreadable_records_max) {
            list.push_back(seq);
        }
    };
    const auto take = [&](const LedgerRecord& record, const Opening* opening) {
        ++rebuilt.records;
        taken = rebuild.take(record, opening);
        if (taken && !*taken) {
            note(rebuilt.unreadable, record.seq);
        }
        if (opening != nullptr && reference_to(*opening) != reference_in(record.payload)) {
            note(rebuilt.wrong_openings, record.seq);
        }
        return taken.has_value();
    };
    UKEY_TRY(storage.visit_opened_records(archived->seq + 1, last_seq, take));
    rebuilt.missing_opening = rebuild.missing_opening();
    if (!taken) {
        return tl::unexpected(taken.error());
    }
    return rebuilt;
}

Result<void> drop_rebuilt_tables(Storage& storage) {
    return storage.database().execute(no_tables);
}

} // namespace ukey
