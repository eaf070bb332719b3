// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/lifecycle_store.hpp"

#include "daemon/store/session_store.hpp"

namespace ukey {
namespace {

/// True unless the ledger's last word is that the service stopped: nothing comes after that but a start.
Result<bool> stopped_uncleanly(Storage& storage) {
    auto statement = storage.database().prepare("SELECT kind FROM ledger ORDER BY seq DESC LIMIT 1");
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row && statement.text(0) != "daemon.stopped";
}

Result<Timestamp> last_alive(Storage& storage) {
    auto statement = storage.database().prepare("SELECT max(coalesce((SELECT alive_us FROM heartbeat), 0), "
                                                "coalesce((SELECT max(time_us) FROM ledger), 0))");
    UKEY_TRY(statement.step());
    return from_microseconds(statement.integer(0));
}

Result<void> record_unclean_stop(Storage& storage) {
    const auto alive = last_alive(storage);
    if (!alive) {
        return tl::unexpected(alive.error());
    }
    return storage.write([&] {
        return storage.append("daemon.unclean", {{"last_alive", format_timestamp(*alive)}});
    });
}

} // namespace

Result<std::size_t> record_start(Storage& storage, const boost::json::object& facts) {
    const auto unclean = stopped_uncleanly(storage);
    if (!unclean) {
        return tl::unexpected(unclean.error());
    }
    if (*unclean) {
        UKEY_TRY(record_unclean_stop(storage));
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
