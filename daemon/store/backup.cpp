// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/backup.hpp"

#include <algorithm>

#include "daemon/core/checkpoint.hpp"
#include "daemon/core/rotation.hpp"
#include "daemon/store/archive_store.hpp"
#include "daemon/store/schema.hpp"

#define N_(text) text // translated where it is shown

namespace ukey {
namespace {

constexpr const char* backup_table = R"sql(
CREATE TABLE backup (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    made_us INTEGER NOT NULL,
    host TEXT NOT NULL,
    software TEXT NOT NULL,
    workstation TEXT NOT NULL,
    private_key TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    head BLOB NOT NULL,
    configuration TEXT
) STRICT;
)sql";

tl::unexpected<Error> malformed(Storage& storage, std::string reason) {
    return fail("backup.malformed", "read a backup", storage.database().path(), std::move(reason));
}

tl::unexpected<Error> damaged(Storage& storage, std::string reason) {
    return fail("backup.damaged", "check a backup", storage.database().path(), std::move(reason));
}

std::string_view text_of(const Secret& secret) {
    return {reinterpret_cast<const char*>(secret.bytes().data()), secret.size()};
}

/// The ledger's hash of a record, also of the newest one that is archived; before the first one stands the
/// genesis. Empty: it has no such record.
Result<std::string> hash_at(Storage& storage, std::uint64_t seq) {
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    if (seq == archived->seq) {
        return archived->hash;
    }
    auto statement = storage.database().prepare("SELECT hash FROM ledger WHERE seq = ?");
    const auto row = statement.bind(static_cast<std::int64_t>(seq)).step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? statement.text(0) : std::string();
}

/// Older versions signed nothing.
Result<std::optional<SignedCheckpoint>> newest_checkpoint(Storage& storage) {
    if (!storage.database().has_table("checkpoint")) {
        return std::nullopt;
    }
    auto statement = storage.database().prepare("SELECT workstation, seq, head, time_us, signature FROM "
                                                "checkpoint ORDER BY seq DESC, time_us DESC LIMIT 1");
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? std::optional(
                      SignedCheckpoint{.checkpoint = {.workstation = statement.text(0),
                                                      .seq = static_cast<std::uint64_t>(statement.integer(1)),
                                                      .head = statement.text(2),
                                                      .time = from_microseconds(statement.integer(3))},
                                       .signature = statement.text(4)})
                : std::nullopt;
}

/// Where the ledger last says that another key follows.
Result<std::optional<Rotation>> newest_rotation(Storage& storage) {
    auto statement = storage.database().prepare(
        "SELECT payload FROM ledger WHERE kind = 'workstation.rotated' ORDER BY seq DESC LIMIT 1");
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    if (!*row) {
        return std::nullopt;
    }
    const auto rotation = decode_rotation(statement.text(0));
    if (!rotation) {
        return tl::unexpected(rotation.error());
    }
    return rotation->rotation;
}

Result<void> check_pages(Storage& storage) {
    auto statement = storage.database().prepare("PRAGMA integrity_check(1)");
    UKEY_TRY(statement.step());
    const std::string verdict = statement.text(0);
    return verdict == "ok" ? Result<void>() : damaged(storage, verdict);
}

Result<void> check_chain(Storage& storage, const BackupFacts& facts,
                         const std::function<void(std::uint64_t)>& progress) {
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    ChainVerifier chain(archived->seq, archived->hash);
    std::optional<std::string> broken;
    UKEY_TRY(storage.visit_records(archived->seq + 1, 0, [&](const LedgerRecord& record) {
        broken = chain.add(record);
        progress(record.seq);
        return !broken;
    }));
    if (broken) {
        return damaged(storage, "record " + std::to_string(chain.seq() + 1) + ": " + *broken);
    }
    if (chain.seq() != facts.last_seq || chain.head() != facts.head) {
        return damaged(storage, N_("its last record is not the one that it says"));
    }
    return {};
}

Result<void> check_key(Storage& storage, const Backup& backup) {
    const auto signer = signing_fingerprint(storage);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    const std::string& fingerprint = backup.key.fingerprint();
    if (fingerprint != backup.facts.workstation || signer->value_or(fingerprint) != fingerprint) {
        return damaged(storage, N_("its key is not the one that signs its ledger"));
    }
    const auto newest = newest_checkpoint(storage);
    if (!newest) {
        return tl::unexpected(newest.error());
    }
    if (!*newest || (*newest)->checkpoint.workstation != fingerprint) {
        return {}; // the key has not signed yet
    }
    const auto head = hash_at(storage, (*newest)->checkpoint.seq);
    if (!head) {
        return tl::unexpected(head.error());
    }
    if (*head != (*newest)->checkpoint.head || !verify(**newest, backup.key.public_key())) {
        return damaged(storage, N_("its newest checkpoint was signed over other records"));
    }
    return {};
}

} // namespace

Result<std::optional<std::string>> signing_fingerprint(Storage& storage) {
    const auto checkpoint = newest_checkpoint(storage);
    if (!checkpoint) {
        return tl::unexpected(checkpoint.error());
    }
    const auto rotation = newest_rotation(storage);
    if (!rotation) {
        return tl::unexpected(rotation.error());
    }
    if (*rotation && (!*checkpoint || (*rotation)->seq > (*checkpoint)->checkpoint.seq)) {
        return key_fingerprint((*rotation)->new_public_key);
    }
    return *checkpoint ? std::optional((*checkpoint)->checkpoint.workstation) : std::nullopt;
}

Result<void> make_backup(Database& copy, const Backup& backup) {
    auto transaction = Transaction::begin(copy);
    if (!transaction) {
        return tl::unexpected(transaction.error());
    }
    UKEY_TRY(copy.execute("PRAGMA application_id = " + std::to_string(backup_application_id) + ";" +
                          backup_table));
    const BackupFacts& facts = backup.facts;
    const Secret pem = backup.key.to_pem();
    auto statement =
        copy.prepare("INSERT INTO backup (id, made_us, host, software, workstation, private_key, "
                     "last_seq, head, configuration) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)");
    statement.bind(to_microseconds(facts.made)).bind(facts.host).bind(facts.software);
    statement.bind(facts.workstation).bind(text_of(pem));
    statement.bind(static_cast<std::int64_t>(facts.last_seq)).bind_blob(facts.head);
    if (facts.configuration) {
        statement.bind(*facts.configuration);
    } else {
        statement.bind_null();
    }
    UKEY_TRY(statement.run());
    return transaction->commit();
}

Result<Backup> read_backup(Storage& storage) {
    Database& database = storage.database();
    const auto id = database.pragma("application_id");
    const auto version = database.pragma("user_version");
    if (!id || !version || *id != backup_application_id || !database.has_table("backup")) {
        return malformed(storage, N_("it is another database"));
    }
    if (*version > schema_version) {
        return fail("state.newer", "read a backup", database.path(),
                    "schema " + std::to_string(*version) + ", this version knows " +
                        std::to_string(schema_version));
    }
    auto statement = database.prepare("SELECT made_us, host, software, workstation, last_seq, head, "
                                      "configuration, private_key FROM backup");
    const auto row = statement.step();
    if (!row || !*row) {
        return malformed(storage, row ? N_("it does not say what it is") : row.error().reason);
    }
    auto key = WorkstationKey::from_pem(statement.text(7), database.path());
    if (!key) {
        return malformed(storage, key.error().reason);
    }
    return Backup{
        .facts = {.made = from_microseconds(statement.integer(0)),
                  .host = statement.text(1),
                  .software = statement.text(2),
                  .workstation = statement.text(3),
                  .last_seq = static_cast<std::uint64_t>(statement.integer(4)),
                  .head = statement.text(5),
                  .configuration = statement.is_null(6) ? std::nullopt : std::optional(statement.text(6))},
        .key = std::move(*key)};
}

Result<void> check_backup(Storage& storage, const Backup& backup,
                          const std::function<void(std::uint64_t)>& progress) {
    Result<void> done = check_chain(storage, backup.facts, progress);
    done = done ? check_key(storage, backup) : done;
    done = done ? check_pages(storage) : done;
    return done || done.error().code == "backup.damaged" ? done : damaged(storage, done.error().reason);
}

Result<void> make_state(Database& copy, const Restoration& restoration) {
    auto transaction = Transaction::begin(copy);
    if (!transaction) {
        return tl::unexpected(transaction.error());
    }
    UKEY_TRY(copy.execute("DROP TABLE backup; PRAGMA application_id = 0"));
    UKEY_TRY(note_restoration(copy, restoration));
    return transaction->commit();
}

Result<std::uint64_t> records_missing_in(Storage& state, Storage& other) {
    const auto own_archive = archived_end(state);
    const auto others_archive = archived_end(other);
    if (!own_archive || !others_archive) {
        return tl::unexpected(own_archive ? others_archive.error() : own_archive.error());
    }
    // Two chains that differ in one record differ in all after it. Where one begins, both can be looked at.
    std::uint64_t common = std::max(own_archive->seq, others_archive->seq);
    const auto own_first = hash_at(state, common);
    const auto others_first = hash_at(other, common);
    if (!own_first || !others_first) {
        return tl::unexpected(own_first ? others_first.error() : own_first.error());
    }
    if (*own_first != *others_first) {
        return state.head_seq() - own_archive->seq;
    }
    std::uint64_t beyond = std::min(state.head_seq(), other.head_seq()) + 1;
    while (beyond - common > 1) {
        const std::uint64_t middle = common + (beyond - common) / 2;
        const auto own = hash_at(state, middle);
        const auto others = hash_at(other, middle);
        if (!own || !others) {
            return tl::unexpected(own ? others.error() : own.error());
        }
        (*own == *others ? common : beyond) = middle;
    }
    return state.head_seq() - common;
}

} // namespace ukey
