// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/archive_store.hpp"

#include <algorithm>

#include "daemon/core/base64.hpp"
#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/rebuild.hpp"

namespace ukey {
namespace {

constexpr const char* replace_base = R"sql(
DELETE FROM base_key;
DELETE FROM base_key_public_key;
DELETE FROM base_binding;
DELETE FROM base_session;
INSERT INTO base_key SELECT * FROM rebuilt_key;
INSERT INTO base_key_public_key SELECT * FROM rebuilt_key_public_key;
INSERT INTO base_binding SELECT * FROM rebuilt_binding;
)sql";

/// A session is needed on while it is open, and one that had ended also when a later record takes it up.
constexpr const char* keep_sessions = R"sql(
INSERT INTO base_session SELECT * FROM rebuilt_session WHERE ended = 0 OR login IN (
    SELECT json_extract(CAST(payload AS TEXT), '$.login') FROM ledger
    WHERE kind = 'session.resumed' AND seq > ?)
)sql";
constexpr const char* remove_sessions = R"sql(
DELETE FROM session WHERE login IN (SELECT login FROM rebuilt_session)
    AND login NOT IN (SELECT login FROM base_session)
)sql";

Result<void> run_with(Database& database, const char* sql, std::uint64_t seq) {
    return database.prepare(sql).bind(static_cast<std::int64_t>(seq)).run();
}

Result<void> move_base(Storage& storage, std::uint64_t last_seq) {
    const auto rebuilt = rebuild_tables(storage, last_seq);
    if (!rebuilt) {
        return tl::unexpected(rebuilt.error());
    }
    if (!rebuilt->unreadable.empty()) {
        return fail("ledger.unreadable", "archive records", std::to_string(rebuilt->unreadable.front()),
                    "its payload has not what its kind has");
    }
    UKEY_TRY(storage.database().execute(replace_base));
    UKEY_TRY(run_with(storage.database(), keep_sessions, last_seq));
    UKEY_TRY(storage.database().execute(remove_sessions));
    return drop_rebuilt_tables(storage);
}

Result<void> remove_records(Database& database, std::uint64_t last_seq) {
    UKEY_TRY(run_with(database,
                      "INSERT INTO archived_rotation SELECT seq, payload FROM ledger "
                      "WHERE kind = 'workstation.rotated' AND seq <= ?",
                      last_seq));
    UKEY_TRY(run_with(
        database, "INSERT OR REPLACE INTO archived SELECT 1, seq, hash, time_us FROM ledger WHERE seq = ?",
        last_seq));
    UKEY_TRY(run_with(database, "DELETE FROM personal WHERE seq <= ?", last_seq));
    UKEY_TRY(run_with(database, "DELETE FROM ledger WHERE seq <= ?", last_seq));
    return run_with(database, "DELETE FROM checkpoint WHERE seq < ?", last_seq);
}

} // namespace

Result<ArchivedEnd> archived_end(Storage& storage) {
    if (!storage.database().has_table("archived")) {
        return ArchivedEnd(); // an older database that is only read
    }
    auto statement = storage.database().prepare("SELECT last_seq, last_hash, last_time_us FROM archived");
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? ArchivedEnd{static_cast<std::uint64_t>(statement.integer(0)), statement.text(1),
                              from_microseconds(statement.integer(2))}
                : ArchivedEnd();
}

Result<std::uint64_t> bundle_beginning(Storage& storage, const KeyHistory& keys) {
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    if (archived->seq == 0) {
        return 0;
    }
    const auto checkpoints = load_checkpoints(storage, keys, archived->seq, storage.head_seq());
    if (!checkpoints) {
        return tl::unexpected(checkpoints.error());
    }
    return checkpoints->empty() ? archived->seq : checkpoints->front().checkpoint.seq;
}

Result<std::optional<std::uint64_t>> find_archive_end(Storage& storage, const KeyHistory& keys,
                                                      Timestamp before) {
    const auto beginning = bundle_beginning(storage, keys);
    if (!beginning) {
        return tl::unexpected(beginning.error());
    }
    auto later = storage.database().prepare("SELECT min(seq) FROM ledger WHERE time_us >= ?");
    UKEY_TRY(later.bind(to_microseconds(before)).step());
    const std::uint64_t last =
        later.is_null(0) ? storage.head_seq() : static_cast<std::uint64_t>(later.integer(0)) - 1;
    const auto checkpoints = load_checkpoints(storage, keys, *beginning + 1, last);
    if (!checkpoints) {
        return tl::unexpected(checkpoints.error());
    }
    return checkpoints->empty() ? std::nullopt : std::optional(checkpoints->back().checkpoint.seq);
}

Result<bool> archive_step(Storage& storage, const Archive& archive) {
    bool done = false;
    UKEY_TRY(storage.write([&]() -> Result<void> {
        const auto archived = archived_end(storage);
        if (!archived) {
            return tl::unexpected(archived.error());
        }
        if (archive.last_seq <= archived->seq || archive.last_seq > storage.head_seq()) {
            return fail("audit.no_checkpoint", "archive records", std::to_string(archive.last_seq), "");
        }
        const std::uint64_t last = std::min(archive.last_seq, archived->seq + archive_step_records);
        UKEY_TRY(move_base(storage, last));
        UKEY_TRY(remove_records(storage.database(), last));
        done = last == archive.last_seq;
        if (!done) {
            return {};
        }
        const auto end = archived_end(storage);
        if (!end) {
            return tl::unexpected(end.error());
        }
        return storage.append("ledger.archived", {{"last_seq", end->seq},
                                                  {"last_hash", hex_encode(end->hash)},
                                                  {"bundle_sha256", archive.bundle_sha256},
                                                  {"uid", archive.uid}});
    }));
    return done;
}

} // namespace ukey
