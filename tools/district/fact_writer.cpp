// SPDX-License-Identifier: Apache-2.0
#include "tools/district/fact_writer.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "tools/district/columns.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

std::int64_t signed_of(std::uint64_t number) {
    return static_cast<std::int64_t>(number);
}

bool is_in(const std::vector<SeqRange>& ranges, std::uint64_t seq) {
    return std::ranges::any_of(
        ranges, [seq](const SeqRange& range) { return seq >= range.first && seq <= range.last; });
}

std::optional<std::int64_t> ended_us(const SessionProgress& progress) {
    return progress.ended ? std::optional(microseconds_of(*progress.ended)) : std::nullopt;
}

SessionProgress read_progress(const Statement& row, int column) {
    const auto ended = row.optional_integer(column + 1);
    return {.uses = static_cast<std::uint64_t>(row.integer(column)),
            .ended = ended ? std::optional(time_of(*ended)) : std::nullopt,
            .state_seq = static_cast<std::uint64_t>(row.integer(column + 2))};
}

constexpr const char* insert_session_sql =
    "INSERT INTO session (month, organisation, started_us, login, workstation, seq, key, grade, program, "
    "uses, "
    "ended_us, state_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
/// The later state wins: see SessionProgress::merge().
constexpr const char* update_session_sql =
    "UPDATE session SET uses = max(uses, ?1), "
    "ended_us = CASE WHEN ?3 > state_seq THEN ?2 WHEN ?3 = state_seq THEN max(coalesce(?2, ended_us), "
    "coalesce(ended_us, ?2)) ELSE ended_us END, "
    "state_seq = max(state_seq, ?3) WHERE login = ?4 AND workstation = ?5";
constexpr const char* insert_event_sql =
    "INSERT INTO event (workstation, seq, mark, time_us, boottime_us, kind, key, number, text) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
constexpr const char* insert_sighting_sql =
    "INSERT INTO seen (key, workstation, organisation, first_us, first_seq) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET first_us = min(first_us, excluded.first_us), "
    "first_seq = min(first_seq, excluded.first_seq)";

} // namespace

FactWriter::FactWriter(Database& database, Numbers numbers)
    : database_(&database), numbers_(std::move(numbers)),
      insert_session_(database.prepare(insert_session_sql)),
      others_with_login_(database.prepare("SELECT 1 FROM session WHERE login = ? AND workstation <> ?")),
      update_session_(database.prepare(update_session_sql)),
      insert_event_(database.prepare(insert_event_sql)),
      insert_sighting_(database.prepare(insert_sighting_sql)) {}

Result<FactWriter> FactWriter::make(Database& database) {
    UKEY_TAKE(organisations, Names::load(database, "organisation", "code"));
    UKEY_TAKE(keys, Names::load(database, "key", "key_id"));
    UKEY_TAKE(programs, Names::load(database, "program", "name"));
    FactWriter writer(database, {std::move(organisations), std::move(keys), std::move(programs)});
    auto statement = database.prepare("SELECT 1 FROM session_progress LIMIT 1");
    UKEY_TAKE(row, statement.step());
    writer.progress_is_kept_ = row;
    return writer;
}

Result<void> FactWriter::write(std::int64_t workstation, const BundleFacts& facts,
                               const std::vector<SeqRange>& added) {
    UKEY_TRY(write_sessions(workstation, facts, added));
    UKEY_TRY(write_events(workstation, facts, added));
    return write_sightings(workstation, facts);
}

/// In the order of their logins: neighbours in the index are written together.
Result<void> FactWriter::write_sessions(std::int64_t workstation, const BundleFacts& facts,
                                        const std::vector<SeqRange>& added) {
    std::vector<std::size_t> order(facts.sessions.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(
        order, {}, [&](std::size_t place) { return std::string_view(facts.sessions[place].login); });
    for (const std::size_t place : order) {
        const SessionFact& session = facts.sessions[place];
        if (is_in(added, session.seq)) {
            UKEY_TRY(write_session(workstation, session));
        } else {
            UKEY_TRY(write_proof(workstation, session));
            UKEY_TRY(write_progress(workstation, session.login, session.progress));
        }
    }
    for (const auto& [login, progress] : facts.progress) {
        UKEY_TRY(write_progress(workstation, login, progress));
    }
    return {};
}

Result<void> FactWriter::write_session(std::int64_t workstation, SessionFact session) {
    if (progress_is_kept_) {
        UKEY_TRY(take_earlier_progress(workstation, session));
    }
    UKEY_TAKE(inserted, insert_session(workstation, session));
    if (inserted) {
        return note_shared(workstation, session.login);
    }
    UKEY_TAKE(replaces, comes_before_known(workstation, session));
    if (!replaces) {
        return write_progress(workstation, session.login, session.progress);
    }
    auto statement = database_->prepare("DELETE FROM session WHERE login = ? AND workstation = ? "
                                        "RETURNING uses, ended_us, state_seq");
    UKEY_TAKE(row, statement.bind_blob(session.login).bind(workstation).step());
    if (row) {
        session.progress.merge(read_progress(statement, 0));
        UKEY_TRY(statement.run());
    }
    return insert_session(workstation, session).map([](bool) {});
}

Result<bool> FactWriter::insert_session(std::int64_t workstation, const SessionFact& session) {
    UKEY_TAKE(organisation, numbers_.organisations.number_of(session.organisation));
    UKEY_TAKE(key, numbers_.keys.number_of(session.key_id));
    UKEY_TAKE(program, numbers_.programs.number_of(session.program));
    insert_session_.reset().bind(month_number(session.started)).bind(organisation);
    insert_session_.bind(microseconds_of(session.started)).bind_blob(session.login).bind(workstation);
    insert_session_.bind(signed_of(session.seq)).bind(key).bind(static_cast<std::int64_t>(session.grade));
    insert_session_.bind(program).bind(signed_of(session.progress.uses)).bind(ended_us(session.progress));
    UKEY_TRY(insert_session_.bind(signed_of(session.progress.state_seq)).run());
    return database_->changes() > 0;
}

Result<void> FactWriter::note_shared(std::int64_t workstation, const std::string& login) {
    UKEY_TAKE(others, others_with_login_.reset().bind_blob(login).bind(workstation).step());
    if (!others) {
        return {};
    }
    auto statement = database_->prepare("INSERT OR IGNORE INTO shared_login (login) VALUES (?)");
    return statement.bind_blob(login).run();
}

Result<void> FactWriter::write_proof(std::int64_t workstation, const SessionFact& session) {
    if (session.grade != EvidenceGrade::attested) {
        return {};
    }
    auto statement =
        database_->prepare("UPDATE session SET grade = ? WHERE login = ? AND workstation = ? AND seq = ?");
    statement.bind(static_cast<std::int64_t>(session.grade)).bind_blob(session.login);
    return statement.bind(workstation).bind(signed_of(session.seq)).run();
}

/// What decides is in the records themselves: which one came first into the store does not matter.
Result<bool> FactWriter::comes_before_known(std::int64_t workstation, const SessionFact& session) {
    auto statement = database_->prepare(
        "SELECT started_us, seq, code, key_id, grade, program.name FROM session "
        "LEFT JOIN organisation ON organisation.id = organisation LEFT JOIN key ON key.id = key "
        "LEFT JOIN program ON program.id = program WHERE login = ? AND workstation = ?");
    UKEY_TAKE(row, statement.bind_blob(session.login).bind(workstation).step());
    return row && std::tuple(microseconds_of(session.started), signed_of(session.seq), session.organisation,
                             session.key_id, static_cast<std::int64_t>(session.grade), session.program) <
                      std::tuple(statement.integer(0), statement.integer(1), statement.text(2),
                                 statement.text(3), statement.integer(4), statement.text(5));
}

Result<void> FactWriter::take_earlier_progress(std::int64_t workstation, SessionFact& session) {
    auto statement = database_->prepare("DELETE FROM session_progress WHERE workstation = ? AND login = ? "
                                        "RETURNING uses, ended_us, state_seq");
    UKEY_TAKE(row, statement.bind(workstation).bind_blob(session.login).step());
    if (row) {
        session.progress.merge(read_progress(statement, 0));
        UKEY_TRY(statement.run());
    }
    return {};
}

Result<void> FactWriter::write_progress(std::int64_t workstation, const std::string& login,
                                        const SessionProgress& progress) {
    update_session_.reset().bind(signed_of(progress.uses)).bind(ended_us(progress));
    UKEY_TRY(update_session_.bind(signed_of(progress.state_seq)).bind_blob(login).bind(workstation).run());
    if (database_->changes() > 0) {
        return {};
    }
    auto read = database_->prepare(
        "SELECT uses, ended_us, state_seq FROM session_progress WHERE workstation = ? AND login = ?");
    UKEY_TAKE(row, read.bind(workstation).bind_blob(login).step());
    SessionProgress together = progress;
    if (row) {
        together.merge(read_progress(read, 0));
    }
    progress_is_kept_ = true;
    auto write =
        database_->prepare("INSERT OR REPLACE INTO session_progress (workstation, login, uses, ended_us, "
                           "state_seq) VALUES (?, ?, ?, ?, ?)");
    write.bind(workstation).bind_blob(login).bind(signed_of(together.uses)).bind(ended_us(together));
    return write.bind(signed_of(together.state_seq)).run();
}

Result<void> FactWriter::write_events(std::int64_t workstation, const BundleFacts& facts,
                                      const std::vector<SeqRange>& added) {
    for (const EventFact& event : facts.events) {
        if (!is_in(added, event.seq)) {
            continue;
        }
        UKEY_TAKE(key, numbers_.keys.number_of(event.key_id));
        UKEY_TAKE(organisation, numbers_.organisations.number_of(event.organisation));
        insert_event_.reset().bind(workstation).bind(signed_of(event.seq)).bind(event.mark);
        insert_event_.bind(microseconds_of(event.time)).bind(event.boottime.count());
        insert_event_.bind(static_cast<std::int64_t>(event.kind)).bind(key);
        UKEY_TRY(insert_event_.bind(organisation != 0 ? organisation : event.number).bind(event.text).run());
    }
    return {};
}

Result<void> FactWriter::write_sightings(std::int64_t workstation, const BundleFacts& facts) {
    for (const auto& [what, sighting] : facts.sightings) {
        UKEY_TAKE(key, numbers_.keys.number_of(what.first));
        UKEY_TAKE(organisation, numbers_.organisations.number_of(what.second));
        insert_sighting_.reset().bind(key).bind(workstation).bind(organisation);
        UKEY_TRY(
            insert_sighting_.bind(microseconds_of(sighting.first)).bind(signed_of(sighting.first_seq)).run());
    }
    return {};
}

} // namespace ukey::ctl::district
