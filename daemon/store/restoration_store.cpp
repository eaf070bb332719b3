// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/restoration_store.hpp"

#include "daemon/core/base64.hpp"

namespace ukey {

Result<void> note_restoration(Database& database, const Restoration& restoration) {
    UKEY_TRY(
        database.execute("DROP TABLE IF EXISTS restoration; "
                         "CREATE TABLE restoration (made_us INTEGER NOT NULL, made_on TEXT NOT NULL, "
                         "restored_on TEXT NOT NULL, last_seq INTEGER NOT NULL, head BLOB NOT NULL) STRICT"));
    auto statement = database.prepare(
        "INSERT INTO restoration (made_us, made_on, restored_on, last_seq, head) VALUES (?, ?, ?, ?, ?)");
    statement.bind(to_microseconds(restoration.made)).bind(restoration.made_on).bind(restoration.restored_on);
    statement.bind(static_cast<std::int64_t>(restoration.last_seq)).bind_blob(restoration.head);
    return statement.run();
}

Result<std::optional<Restoration>> pending_restoration(Database& database) {
    if (!database.has_table("restoration")) {
        return std::nullopt;
    }
    auto statement =
        database.prepare("SELECT made_us, made_on, restored_on, last_seq, head FROM restoration");
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? std::optional(Restoration{.made = from_microseconds(statement.integer(0)),
                                            .made_on = statement.text(1),
                                            .restored_on = statement.text(2),
                                            .last_seq = static_cast<std::uint64_t>(statement.integer(3)),
                                            .head = statement.text(4)})
                : std::nullopt;
}

Result<void> record_restoration(Storage& storage, const Restoration& restoration) {
    UKEY_TRY(storage.append("state.restored", {{"made_at", format_timestamp(restoration.made)},
                                               {"made_on", restoration.made_on},
                                               {"restored_on", restoration.restored_on},
                                               {"last_seq", restoration.last_seq},
                                               {"head", hex_encode(restoration.head)}}));
    return storage.database().execute("DROP TABLE restoration");
}

} // namespace ukey
