// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/schema.hpp"

#include <array>

namespace ukey {
namespace {

// Times are microseconds since 1970 in UTC. What can be derived from the ledger is a projection of it and is
// written in the transaction that writes the record; the registry is not: it holds personal data, which must
// be removable.
constexpr const char* version_1 = R"sql(
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    boottime_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE organisation (
    code TEXT PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    assessed_unit TEXT NOT NULL,
    key_required INTEGER NOT NULL,
    mobile_terminal INTEGER NOT NULL,
    answered_for_by TEXT NOT NULL,
    administrator_name TEXT NOT NULL,
    administrator_mobile TEXT NOT NULL
) STRICT;
CREATE INDEX organisation_by_name ON organisation (name);
CREATE INDEX organisation_by_folded_name ON organisation (folded_name);

CREATE TABLE key (
    key_id TEXT PRIMARY KEY,
    manufacturer TEXT NOT NULL,
    model TEXT NOT NULL,
    serial TEXT NOT NULL,
    label TEXT NOT NULL,
    certificate BLOB NOT NULL,
    first_seen_us INTEGER NOT NULL,
    last_seen_us INTEGER NOT NULL,
    pin_default INTEGER,
    returned INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX key_by_identity ON key (serial, manufacturer, model);
CREATE TABLE key_public_key (
    key_id TEXT NOT NULL REFERENCES key (key_id),
    spki_sha256 TEXT NOT NULL,
    first_seen_us INTEGER NOT NULL,
    PRIMARY KEY (key_id, spki_sha256)
) STRICT;

-- One key manages one organisation only: one row a key, one row a public key, and no row changes its organisation.
CREATE TABLE binding (
    key_id TEXT PRIMARY KEY REFERENCES key (key_id),
    organisation TEXT NOT NULL REFERENCES organisation (code),
    spki_sha256 TEXT NOT NULL UNIQUE,
    bound_us INTEGER NOT NULL,
    bound_by_uid INTEGER NOT NULL
) STRICT;
CREATE INDEX binding_by_organisation ON binding (organisation);
CREATE TRIGGER binding_keeps_organisation BEFORE UPDATE OF key_id, organisation ON binding
    WHEN NEW.organisation <> OLD.organisation OR NEW.key_id <> OLD.key_id
    BEGIN SELECT RAISE(ABORT, 'one key manages one organisation: release it first'); END;

CREATE TABLE session (
    login TEXT PRIMARY KEY,
    key_id TEXT NOT NULL,
    organisation TEXT NOT NULL,
    uid INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    executable TEXT NOT NULL,
    application TEXT NOT NULL,
    grade TEXT NOT NULL,
    verdict TEXT NOT NULL,
    codes TEXT NOT NULL,
    default_pin INTEGER,
    started_us INTEGER NOT NULL,
    ended_us INTEGER,
    end_reason TEXT,
    uses INTEGER NOT NULL
) STRICT;
CREATE INDEX session_by_start ON session (started_us);
CREATE INDEX session_open ON session (login) WHERE ended_us IS NULL;

CREATE TABLE heartbeat (id INTEGER PRIMARY KEY CHECK (id = 1), alive_us INTEGER NOT NULL) STRICT;
)sql";

// Attested logins: the session's, as in its record (empty: none was asked for), and how long the key's last
// one took.
constexpr const char* version_2 = R"sql(
ALTER TABLE session ADD COLUMN attestation TEXT NOT NULL DEFAULT '';
ALTER TABLE key ADD COLUMN attestation_us INTEGER;
ALTER TABLE key ADD COLUMN attested_us INTEGER;
)sql";

// What the workstation's key has signed (docs/formats/bundle.md §3).
constexpr const char* version_3 = R"sql(
CREATE TABLE checkpoint (
    workstation TEXT NOT NULL,
    seq INTEGER NOT NULL,
    head BLOB NOT NULL CHECK (length(head) = 32),
    time_us INTEGER NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (workstation, seq)
) STRICT;
)sql";

// When organisations began and ceased to be, as "2013-04-01" (China time); empty: not known, or still there.
// Who had a key when is read from the ledger (binding_history.cpp).
constexpr const char* version_4 = R"sql(
ALTER TABLE organisation ADD COLUMN founded TEXT NOT NULL DEFAULT '';
ALTER TABLE organisation ADD COLUMN dissolved TEXT NOT NULL DEFAULT '';
CREATE INDEX ledger_of_bindings ON ledger (kind) WHERE kind IN ('key.bound', 'key.released');
)sql";

// What records refer to (docs/formats/ledger.md §7). It may be removed, and never becomes something else. And
// a way to the few records that each start and each bundle need.
constexpr const char* version_5 = R"sql(
CREATE TABLE personal (
    seq INTEGER PRIMARY KEY,
    salt BLOB NOT NULL CHECK (length(salt) = 16),
    value BLOB NOT NULL
) STRICT;
CREATE TRIGGER personal_no_update BEFORE UPDATE ON personal
    BEGIN SELECT RAISE(ABORT, 'an opening is what its record refers to'); END;
CREATE INDEX ledger_rotation ON ledger (seq) WHERE kind = 'workstation.rotated';
)sql";

// What left the ledger for a bundle (docs/formats/ledger.md §8): the newest record of it; what the tables
// beside the ledger were there, from where they are derived on; and of its records those that are needed for
// ever. The columns are those of rebuild.hpp.
constexpr const char* version_6 = R"sql(
CREATE TABLE archived (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_seq INTEGER NOT NULL,
    last_hash BLOB NOT NULL CHECK (length(last_hash) = 32),
    last_time_us INTEGER NOT NULL
) STRICT;
DROP TRIGGER ledger_no_delete;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
    WHEN OLD.seq > coalesce((SELECT last_seq FROM archived), 0)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE INDEX ledger_resumed ON ledger (seq) WHERE kind = 'session.resumed';
CREATE TABLE archived_rotation (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
CREATE TABLE base_key (
    key_id TEXT PRIMARY KEY, manufacturer TEXT, model TEXT, serial TEXT, certificate_sha256 TEXT,
    certificate_removed INTEGER NOT NULL,
    first_seen_us INTEGER, last_seen_us INTEGER, pin_default INTEGER, attestation_us INTEGER,
    attested_us INTEGER
) STRICT;
CREATE TABLE base_key_public_key (
    key_id TEXT, spki_sha256 TEXT, first_seen_us INTEGER, PRIMARY KEY (key_id, spki_sha256)
) STRICT;
CREATE TABLE base_binding (
    key_id TEXT PRIMARY KEY, organisation TEXT, spki_sha256 TEXT, bound_us INTEGER, bound_by_uid INTEGER
) STRICT;
CREATE TABLE base_session (
    login TEXT PRIMARY KEY, key_id TEXT, organisation TEXT, uid INTEGER, pid INTEGER, executable TEXT,
    application TEXT, grade TEXT, verdict TEXT, codes TEXT, started_us INTEGER, ended INTEGER,
    ended_us INTEGER, end_reason TEXT, uses INTEGER, attestation TEXT
) STRICT;
)sql";

constexpr const char* version_7 = R"sql(
ALTER TABLE base_key ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;
)sql";

/// What brings a database from the version that is its place here to the next one.
constexpr std::array<const char*, schema_version> steps{version_1, version_2, version_3, version_4,
                                                        version_5, version_6, version_7};

Result<std::int64_t> read_version(Database& database) {
    auto statement = database.prepare("PRAGMA user_version");
    UKEY_TRY(statement.step());
    return statement.integer(0);
}

Result<void> check_integrity(Database& database) {
    auto statement = database.prepare("PRAGMA quick_check(1)");
    UKEY_TRY(statement.step());
    if (const std::string verdict = statement.text(0); verdict != "ok") {
        return fail("state.corrupt", "check the database", database.path(), verdict);
    }
    return {};
}

} // namespace

Result<void> migrate(Database& database) {
    const auto version = read_version(database);
    if (!version) {
        return tl::unexpected(version.error());
    }
    if (*version > schema_version) {
        return fail("state.newer", "open the database", database.path(),
                    "schema " + std::to_string(*version) + ", this version knows " +
                        std::to_string(schema_version));
    }
    if (*version == schema_version) {
        return check_integrity(database);
    }
    auto transaction = Transaction::begin(database);
    if (!transaction) {
        return tl::unexpected(transaction.error());
    }
    for (auto step = static_cast<std::size_t>(*version); step < steps.size(); ++step) {
        UKEY_TRY(database.execute(steps[step]));
    }
    UKEY_TRY(database.execute("PRAGMA user_version = " + std::to_string(schema_version)));
    return transaction->commit();
}

} // namespace ukey
