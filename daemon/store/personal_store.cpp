// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/personal_store.hpp"

#include <string>
#include <variant>
#include <vector>

#include <boost/json/parse.hpp>

#include "daemon/core/ledger_payload.hpp"

namespace ukey {
namespace {

/// Takes out of the tables what one kind of record brought into them.
class Blanking {
  public:
    Blanking(Database& database, Timestamp before)
        : database_(database), before_us_(to_microseconds(before)) {}

    /// Of the records before that moment that still refer to something.
    Result<void> run(std::string_view kind);

  private:
    template <typename Said>
    Result<void> apply(const Said& /*said*/) {
        return {}; // nothing of it is in a table
    }
    /// What is left is what the record says by itself.
    Result<void> apply(const payload::SessionStarted& said);
    Result<void> apply(const payload::KeyBound& said);

    Database& database_;
    std::int64_t before_us_;
    Statement session_ = database_.prepare(
        "UPDATE session SET uid = ?, executable = ?, application = '', attestation = ? WHERE login = ?");
    Statement binding_ =
        database_.prepare("UPDATE binding SET bound_by_uid = ? WHERE key_id = ? AND bound_us < ?");
};

Result<void> Blanking::apply(const payload::SessionStarted& said) {
    session_.reset().bind(std::int64_t{removed_uid}).bind(said.program);
    return session_.bind(said.attestation).bind(said.login).run();
}

Result<void> Blanking::apply(const payload::KeyBound& said) {
    return binding_.reset().bind(std::int64_t{removed_uid}).bind(said.key_id).bind(before_us_).run();
}

Result<void> Blanking::run(std::string_view kind) {
    auto records = database_.prepare("SELECT payload FROM ledger JOIN personal ON personal.seq = ledger.seq "
                                     "WHERE kind = ? AND time_us < ?");
    records.bind(kind).bind(before_us_);
    Result<void> done;
    UKEY_TRY(records.each([&] {
        if (const auto said = payload::decode(kind, records.text(0)); done && said) {
            done = std::visit([&](const auto& what) { return apply(what); }, *said);
        }
    }));
    return done;
}

/// Whatever their records still refer to: what is known of a key outlives them while it is bound.
Result<void> blank_keys(Database& database, Timestamp before) {
    return database
        .prepare("UPDATE key SET label = '', certificate = x'' WHERE last_seen_us < ? AND key_id NOT IN "
                 "(SELECT key_id FROM binding)")
        .bind(to_microseconds(before))
        .run();
}

/// Executables and attestations of sessions whose records were archived while they were open.
struct BaseSession {
    std::string login;
    std::string executable;
    std::string attestation;
};

Result<std::vector<BaseSession>> list_base_sessions(Database& database, Timestamp before) {
    auto statement = database.prepare("SELECT login, executable, attestation FROM base_session "
                                      "WHERE started_us < ? ORDER BY login");
    statement.bind(to_microseconds(before));
    std::vector<BaseSession> sessions;
    UKEY_TRY(statement.each([&] {
        sessions.push_back({statement.text(0), statement.text(1), statement.text(2)});
    }));
    return sessions;
}

bool is_signed(const std::string& attestation) {
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(attestation, error);
    return !error && value.is_object() && value.get_object().contains("signature");
}

/// What records that are here no longer brought into the tables, and into those from which they are derived.
Result<void> blank_archived(Database& database, Timestamp before) {
    const auto sessions = list_base_sessions(database, before);
    if (!sessions) {
        return tl::unexpected(sessions.error());
    }
    for (const char* table : {"session", "base_session"}) {
        auto blank = database.prepare("UPDATE " + std::string(table) +
                                      " SET uid = ?, executable = ?, application = '', attestation = ? "
                                      "WHERE login = ?");
        for (const BaseSession& session : *sessions) {
            blank.reset().bind(std::int64_t{removed_uid}).bind(payload::file_name(session.executable));
            blank.bind(is_signed(session.attestation) ? "" : session.attestation);
            UKEY_TRY(blank.bind(session.login).run());
        }
    }
    for (const char* table : {"binding", "base_binding"}) {
        auto blank = database.prepare("UPDATE " + std::string(table) +
                                      " SET bound_by_uid = ? WHERE bound_us < ? AND key_id IN "
                                      "(SELECT key_id FROM base_binding)");
        blank.bind(std::int64_t{removed_uid}).bind(to_microseconds(before));
        UKEY_TRY(blank.run());
    }
    return {};
}

} // namespace

Result<RemovedPersonalData> remove_personal_data(Storage& storage, const PersonalRemoval& removal) {
    std::uint64_t records = 0;
    UKEY_TRY(storage.write([&]() -> Result<void> {
        Blanking blanking(storage.database(), removal.before);
        for (const std::string_view kind : {"session.started", "key.bound"}) {
            UKEY_TRY(blanking.run(kind));
        }
        UKEY_TRY(blank_keys(storage.database(), removal.before));
        UKEY_TRY(blank_archived(storage.database(), removal.before));
        auto openings = storage.database().prepare(
            "DELETE FROM personal WHERE seq IN (SELECT seq FROM ledger WHERE time_us < ?)");
        UKEY_TRY(openings.bind(to_microseconds(removal.before)).run());
        records = static_cast<std::uint64_t>(storage.database().changes());
        return storage.append(
            "personal.removed",
            {{"before", format_timestamp(removal.before)}, {"records", records}, {"uid", removal.uid}});
    }));
    const auto gone = storage.compact();
    if (!gone) {
        return tl::unexpected(gone.error());
    }
    return RemovedPersonalData{records, *gone};
}

} // namespace ukey
