// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/lifecycle_store.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

#include "daemon/store/restoration_store.hpp"
#include "daemon/store/session_store.hpp"

namespace ukey {
namespace {

/// More of them are one from the first one's beginning to the last one's end.
constexpr std::size_t occupied_spans_max = 32;

struct LastRecord {
    std::string kind;
    Timestamp time;
};

/// nullopt: the ledger is empty.
Result<std::optional<LastRecord>> last_record(Storage& storage) {
    auto statement = storage.database().prepare("SELECT kind, time_us FROM ledger ORDER BY seq DESC LIMIT 1");
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? std::optional(LastRecord{statement.text(0), from_microseconds(statement.integer(1))})
                : std::nullopt;
}

Result<Timestamp> last_alive(Storage& storage) {
    auto statement = storage.database().prepare("SELECT max(coalesce((SELECT alive_us FROM heartbeat), 0), "
                                                "coalesce((SELECT max(time_us) FROM ledger), 0))");
    UKEY_TRY(statement.step());
    return from_microseconds(statement.integer(0));
}

boost::json::value to_json(std::optional<std::vector<TimeSpan>> spans) {
    if (!spans) {
        return nullptr;
    }
    if (spans->size() > occupied_spans_max) {
        *spans = {{spans->front().from, spans->back().to}};
    }
    boost::json::array list;
    for (const TimeSpan& span : *spans) {
        list.push_back(boost::json::array{format_timestamp(span.from), format_timestamp(span.to)});
    }
    return list;
}

/// What the runs before this one have left.
struct Past {
    std::optional<LastRecord> last; ///< nullopt: this is the first run
    Timestamp alive{};              ///< the last moment at which the service is known to have been there
    bool unclean = false;
    std::optional<Restoration> restoration;
};

Result<Past> look_back(Storage& storage) {
    auto last = last_record(storage);
    if (!last) {
        return tl::unexpected(last.error());
    }
    const auto alive = last_alive(storage);
    if (!alive) {
        return tl::unexpected(alive.error());
    }
    auto restoration = pending_restoration(storage.database());
    if (!restoration) {
        return tl::unexpected(restoration.error());
    }
    const bool stopped = *last && (*last)->kind == "daemon.stopped";
    return Past{.last = *last,
                .alive = stopped ? (*last)->time : *alive,
                .unclean = *last && !stopped,
                .restoration = std::move(*restoration)};
}

Result<void> record_absence(Storage& storage, const Past& past, const Occupied& occupied) {
    const TimeSpan away{std::min(past.alive, storage.now()),
                        storage.now()}; // the clock may have been set back
    // Of the time since the backup this computer's log of logins says nothing: it may be another computer,
    // and what the service saw then is lost.
    return storage.append("coverage.absence",
                          {{"from", format_timestamp(away.from)},
                           {"to", format_timestamp(away.to)},
                           {"unclean", past.unclean},
                           {"occupied", to_json(past.restoration ? std::nullopt : occupied(away))}});
}

/// How it came to this start. All of it or nothing: a start that is cut short in between would take its own
/// records for the last sign of life.
Result<void> record_past(Storage& storage, const Past& past, const Occupied& occupied) {
    return storage.write([&]() -> Result<void> {
        if (past.restoration) {
            UKEY_TRY(record_restoration(storage, *past.restoration));
        }
        if (past.unclean) {
            UKEY_TRY(storage.append("daemon.unclean", {{"last_alive", format_timestamp(past.alive)}}));
        }
        return past.last ? record_absence(storage, past, occupied) : Result<void>();
    });
}

} // namespace

Result<std::size_t> record_start(Storage& storage, const boost::json::object& facts,
                                 const Occupied& occupied) {
    const auto past = look_back(storage);
    if (!past) {
        return tl::unexpected(past.error());
    }
    if (past->last || past->restoration) {
        UKEY_TRY(record_past(storage, *past, occupied));
    }
    // Also after a clean stop: its ends may have failed where its last record did not.
    const auto ended = end_open_sessions(storage, EndReason::unclean);
    if (!ended) {
        return tl::unexpected(ended.error());
    }
    UKEY_TRY(storage.write([&] { return storage.append("daemon.started", facts); }));
    return ended->size();
}

Result<void> record_stop(Storage& storage) {
    UKEY_TRY(storage.write([&] { return storage.append("daemon.stopped", {}); }));
    storage.seal();
    return {};
}

Result<void> record_clock_change(Storage& storage, std::chrono::microseconds slept,
                                 std::chrono::microseconds stepped) {
    return storage.write([&]() -> Result<void> {
        if (slept.count() != 0) {
            UKEY_TRY(storage.append("computer.resumed", {{"slept_us", slept.count()}}));
        }
        if (stepped.count() != 0) {
            UKEY_TRY(storage.append("clock.stepped", {{"stepped_us", stepped.count()}}));
        }
        return {};
    });
}

Result<void> record_heartbeat(Storage& storage) {
    // Without waking the disk: it follows with the next commit, or when the kernel writes back.
    UKEY_TRY(storage.database().execute("PRAGMA synchronous=NORMAL"));
    auto statement = storage.database().prepare(
        "INSERT INTO heartbeat (id, alive_us) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET alive_us = ?1");
    Result<void> done = statement.bind(to_microseconds(storage.now())).run();
    UKEY_TRY(storage.database().execute("PRAGMA synchronous=FULL"));
    return done;
}

} // namespace ukey
