// SPDX-License-Identifier: Apache-2.0
#include "tools/district/derivation.hpp"

#include <algorithm>

#include "tools/district/columns.hpp"
#include "tools/district/conflicts.hpp"
#include "tools/district/history.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::size_t hash_bytes = 32;

Result<std::set<std::int64_t>> numbers(Statement& statement) {
    std::set<std::int64_t> found;
    UKEY_TRY(statement.each([&] { found.insert(statement.integer(0)); }));
    return found;
}

/// Keys that other workstations have seen too.
Result<std::set<std::int64_t>> shared_keys(Database& database, std::int64_t workstation) {
    auto statement = database.prepare(
        "SELECT DISTINCT key FROM seen AS here WHERE workstation = ?1 AND EXISTS (SELECT 1 FROM "
        "seen AS there WHERE there.key = here.key AND there.workstation <> ?1)");
    return numbers(statement.bind(workstation));
}

Result<std::set<std::int64_t>> sharers(Database& database, std::int64_t workstation) {
    auto statement =
        database.prepare("SELECT DISTINCT there.workstation FROM seen AS here JOIN seen AS there "
                         "ON there.key = here.key WHERE here.workstation = ?");
    return numbers(statement.bind(workstation));
}

Result<std::vector<Event>> read_events(Database& database, std::int64_t workstation) {
    auto statement =
        database.prepare("SELECT seq, mark, time_us, boottime_us, kind, key, number, text FROM event "
                         "WHERE workstation = ? ORDER BY seq, mark");
    statement.bind(workstation);
    std::vector<Event> events;
    UKEY_TRY(statement.each([&] {
        events.push_back({.seq = static_cast<std::uint64_t>(statement.integer(0)),
                          .mark = statement.integer(1),
                          .time = time_of(statement.integer(2)),
                          .boottime = std::chrono::microseconds(statement.integer(3)),
                          .kind = static_cast<EventKind>(statement.integer(4)),
                          .key = statement.integer(5),
                          .number = statement.integer(6),
                          .text = statement.text(7)});
    }));
    return events;
}

/// Two lines of a fork may have one key with two organisations at one number: which of them comes first must
/// not hang on the store's numbers, which are given in the order of imports.
Result<std::vector<SeenBinding>> read_seen(Database& database, std::int64_t workstation) {
    auto statement =
        database.prepare("SELECT key, organisation, first_us, first_seq FROM seen JOIN organisation "
                         "ON organisation.id = organisation WHERE workstation = ? "
                         "ORDER BY first_seq, key, code");
    statement.bind(workstation);
    std::vector<SeenBinding> seen;
    UKEY_TRY(statement.each([&] {
        seen.push_back({.key = statement.integer(0),
                        .organisation = statement.integer(1),
                        .first = time_of(statement.integer(2)),
                        .first_seq = static_cast<std::uint64_t>(statement.integer(3))});
    }));
    return seen;
}

/// A branch with all its hashes, and those before it that another branch has.
struct HashedBranch {
    Branch extent;
    std::string hashes;
};

Result<std::vector<HashedBranch>> read_hashed(Database& database, std::vector<Branch> branches) {
    std::vector<HashedBranch> hashed;
    for (Branch& branch : branches) {
        UKEY_TAKE(hashes, read_hashes(database, branch));
        hashed.push_back({std::move(branch), std::move(hashes)});
    }
    return hashed;
}

/// Whether a fork's common beginning was stored with it or only with the other one depends on the order of
/// imports: here it is with both.
void complete_beginning(HashedBranch& branch, const std::vector<HashedBranch>& others) {
    for (const HashedBranch& other : others) {
        const std::uint64_t before = branch.extent.first_seq - 1;
        if (other.extent.first_seq > before || other.extent.last_seq < before) {
            continue;
        }
        const std::size_t place = (before - other.extent.first_seq) * hash_bytes;
        if (other.hashes.compare(place, hash_bytes, branch.extent.previous_hash) == 0) {
            branch.hashes.insert(0, other.hashes, 0, place + hash_bytes);
            branch.extent.first_seq = other.extent.first_seq;
            branch.extent.previous_hash = other.extent.previous_hash;
            branch.extent.first_time = other.extent.first_time;
            branch.extent.before = other.extent.before;
            complete_beginning(branch, others);
            return;
        }
    }
}

std::vector<Event> events_of(const HashedBranch& branch, const std::vector<Event>& events) {
    std::vector<Event> own;
    for (const Event& event : events) {
        const bool in_extent = event.seq >= branch.extent.first_seq && event.seq <= branch.extent.last_seq;
        const std::size_t place = in_extent ? (event.seq - branch.extent.first_seq) * hash_bytes : 0;
        if (in_extent && mark_of(std::string_view(branch.hashes).substr(place, hash_bytes)) == event.mark) {
            own.push_back(event);
        }
    }
    return own;
}

Result<std::vector<Line>> read_lines(Database& database, std::int64_t workstation) {
    UKEY_TAKE(branches, read_branches(database, workstation));
    UKEY_TAKE(events, read_events(database, workstation));
    std::vector<Line> lines;
    if (branches.size() == 1) {
        lines.push_back({std::move(branches.front()), std::move(events)});
        return lines;
    }
    UKEY_TAKE(hashed, read_hashed(database, std::move(branches)));
    for (HashedBranch branch : hashed) {
        complete_beginning(branch, hashed);
        std::vector<Event> own = events_of(branch, events);
        lines.push_back({std::move(branch.extent), std::move(own)});
    }
    std::ranges::sort(lines, {}, [](const Line& line) {
        return std::pair(line.extent.first_seq, std::string_view(line.extent.last_hash));
    });
    return lines;
}

Result<void> write_spans(Database& database, std::int64_t workstation, const History& history) {
    auto coverage = database.prepare("INSERT INTO coverage (workstation, from_us, to_us) VALUES (?, ?, ?)");
    for (const TimeSpan& span : history.coverage) {
        coverage.reset().bind(workstation).bind(microseconds_of(span.from));
        UKEY_TRY(coverage.bind(microseconds_of(span.to)).run());
    }
    auto doubt =
        database.prepare("INSERT INTO doubt (workstation, code, key, from_us, to_us) VALUES (?, ?, ?, ?, ?)");
    for (const auto& [code, key, span] : history.doubts) {
        doubt.reset().bind(workstation).bind(code).bind(key).bind(microseconds_of(span.from));
        UKEY_TRY(doubt.bind(microseconds_of(span.to)).run());
    }
    // Two lines of a fork have a binding with the same beginning: the longer one says no less.
    auto binding = database.prepare(
        "INSERT INTO binding (organisation, key, workstation, from_us, to_us) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET to_us = max(to_us, excluded.to_us)");
    for (const auto& [key, organisation, span] : history.bindings) {
        binding.reset().bind(organisation).bind(key).bind(workstation).bind(microseconds_of(span.from));
        UKEY_TRY(binding.bind(microseconds_of(span.to)).run());
    }
    return {};
}

/// Where only one workstation has seen a key it was at no two at once.
Result<void> write_presences(Database& database, std::int64_t workstation, const History& history) {
    UKEY_TAKE(shared, shared_keys(database, workstation));
    if (shared.empty()) {
        return {};
    }
    std::vector<PresenceSpan> presences = history.presences;
    auto sessions = database.prepare("SELECT key, started_us, coalesce(ended_us, started_us) FROM session "
                                     "WHERE workstation = ?");
    sessions.bind(workstation);
    UKEY_TRY(sessions.each([&] {
        presences.push_back(
            {sessions.integer(0), {time_of(sessions.integer(1)), time_of(sessions.integer(2))}});
    }));
    auto insert =
        database.prepare("INSERT INTO presence (key, workstation, from_us, to_us) VALUES (?, ?, ?, ?)");
    for (const auto& [key, span] : presences) {
        if (shared.contains(key)) {
            insert.reset().bind(key).bind(workstation).bind(microseconds_of(span.from));
            UKEY_TRY(insert.bind(microseconds_of(std::max(span.from, span.to))).run());
        }
    }
    return {};
}

Result<void> write_misplaced(Database& database, std::int64_t workstation, const History& history) {
    struct Misplaced {
        std::string login;
        std::int64_t organisation;
        std::int64_t started_us;
    };
    for (const auto& [records, step] : history.misplaced) {
        auto read =
            database.prepare("SELECT login, organisation, started_us FROM session WHERE workstation = ? AND "
                             "seq BETWEEN ? AND ? AND organisation > 0");
        read.bind(workstation).bind(static_cast<std::int64_t>(records.first));
        read.bind(static_cast<std::int64_t>(records.last));
        std::vector<Misplaced> sessions;
        UKEY_TRY(read.each([&] { sessions.push_back({read.text(0), read.integer(1), read.integer(2)}); }));
        auto insert =
            database.prepare("INSERT INTO misplaced_session (login, workstation, organisation, started_us, "
                             "other_us) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
        for (const auto& [login, organisation, started_us] : sessions) {
            const Timestamp started = time_of(started_us);
            if (month_number(started) != month_number(started + step)) {
                insert.reset().bind_blob(login).bind(workstation).bind(organisation).bind(started_us);
                UKEY_TRY(insert.bind(microseconds_of(started + step)).run());
            }
        }
    }
    return {};
}

Result<void> derive_one(Database& database, std::int64_t workstation) {
    for (const std::string table : {"coverage", "doubt", "binding", "presence", "misplaced_session"}) {
        auto statement = database.prepare("DELETE FROM " + table + " WHERE workstation = ?");
        UKEY_TRY(statement.bind(workstation).run());
    }
    UKEY_TAKE(lines, read_lines(database, workstation));
    UKEY_TAKE(seen, read_seen(database, workstation));
    const History history = read_history(lines, seen);
    UKEY_TRY(write_spans(database, workstation, history));
    UKEY_TRY(write_presences(database, workstation, history));
    return write_misplaced(database, workstation, history);
}

} // namespace

Result<void> derive(Database& database, const std::set<std::int64_t>& workstations) {
    std::set<std::int64_t> all = workstations;
    for (const std::int64_t workstation : workstations) {
        UKEY_TAKE(others, sharers(database, workstation));
        all.insert(others.begin(), others.end());
    }
    for (const std::int64_t workstation : all) {
        UKEY_TRY(derive_one(database, workstation));
    }
    return find_conflicts(database, workstations);
}

} // namespace ukey::ctl::district
