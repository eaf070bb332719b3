// SPDX-License-Identifier: Apache-2.0
#include "tools/district/store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <system_error>

#include "tools/district/derivation.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::int64_t store_version = 3;
/// SQLite's application_id: "UKDS".
constexpr std::int64_t application_id = 0x554B4453;

// Times are microseconds since 1970 in UTC, to_us not included. Texts that repeat are numbers into a table of
// their own; their numbers depend on the order of imports and never show. What stands below “derived” is
// computed anew, after an import, from what stands above.
constexpr const char* schema = R"sql(
CREATE TABLE workstation (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    enrolled_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;
-- Other keys that the same ledger was signed with, by its bundles.
CREATE TABLE identity (
    fingerprint TEXT PRIMARY KEY,
    workstation INTEGER NOT NULL REFERENCES workstation (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE organisation (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE key (id INTEGER PRIMARY KEY, key_id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE program (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE registry (
    code TEXT NOT NULL,
    since TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    assessed_unit TEXT NOT NULL,
    key_required INTEGER NOT NULL,
    mobile_terminal INTEGER NOT NULL,
    answered_for_by TEXT NOT NULL,
    administrator_name TEXT NOT NULL,
    administrator_mobile TEXT NOT NULL,
    founded TEXT NOT NULL,
    dissolved TEXT NOT NULL,
    PRIMARY KEY (code, since)
) STRICT, WITHOUT ROWID;

-- Files that named an organisation and changed nothing of it: a file for an earlier day may come later.
CREATE TABLE registry_unchanged (
    code TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (code, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE bundle (
    workstation INTEGER NOT NULL REFERENCES workstation (id),
    sha256 BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    last_hash BLOB NOT NULL,
    last_us INTEGER,
    written_us INTEGER NOT NULL,
    workstation_name TEXT NOT NULL,
    software TEXT NOT NULL,
    PRIMARY KEY (workstation, sha256)
) STRICT, WITHOUT ROWID;

-- Records that follow each other; more than one of a workstation: there is a gap, or a fork.
CREATE TABLE branch (
    id INTEGER PRIMARY KEY,
    workstation INTEGER NOT NULL REFERENCES workstation (id),
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    previous_hash BLOB NOT NULL,
    last_hash BLOB NOT NULL,
    first_us INTEGER,
    last_us INTEGER,
    before_us INTEGER,
    vouched_us INTEGER NOT NULL
) STRICT;
CREATE INDEX branch_by_workstation ON branch (workstation);
CREATE TABLE branch_hashes (
    branch INTEGER NOT NULL REFERENCES branch (id),
    block INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (branch, block)
) STRICT;

CREATE TABLE event (
    workstation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    boottime_us INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (workstation, seq, mark)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    month INTEGER NOT NULL,
    organisation INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    login BLOB NOT NULL,
    workstation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key INTEGER NOT NULL,
    grade INTEGER NOT NULL,
    program INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    ended_us INTEGER,
    state_seq INTEGER NOT NULL,
    PRIMARY KEY (month, organisation, started_us, login, workstation)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX session_by_login ON session (login, workstation);
CREATE INDEX session_by_record ON session (workstation, seq);
-- Logins that more than one workstation has, as copies of one state folder may.
CREATE TABLE shared_login (login BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
-- What is known of sessions whose beginning is not here yet.
CREATE TABLE session_progress (
    workstation INTEGER NOT NULL,
    login BLOB NOT NULL,
    uses INTEGER NOT NULL,
    ended_us INTEGER,
    state_seq INTEGER NOT NULL,
    PRIMARY KEY (workstation, login)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
    key INTEGER NOT NULL,
    workstation INTEGER NOT NULL,
    organisation INTEGER NOT NULL,
    first_us INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    PRIMARY KEY (key, workstation, organisation)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_by_workstation ON seen (workstation, key);

CREATE TABLE platform_login (
    month INTEGER NOT NULL,
    organisation INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    PRIMARY KEY (month, organisation, time_us)
) STRICT, WITHOUT ROWID;

-- How often bundles were imported: two readers that see the same number see the same rows.
CREATE TABLE revision (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL) STRICT;
INSERT INTO revision (id, number) VALUES (1, 0);

-- Derived.
CREATE TABLE coverage (
    workstation INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL
) STRICT;
CREATE INDEX coverage_by_workstation ON coverage (workstation, from_us);
CREATE TABLE doubt (
    workstation INTEGER NOT NULL,
    code TEXT NOT NULL,
    key INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL
) STRICT;
CREATE INDEX doubt_by_workstation ON doubt (workstation);
CREATE INDEX doubt_by_end ON doubt (to_us);
CREATE TABLE binding (
    organisation INTEGER NOT NULL,
    key INTEGER NOT NULL,
    workstation INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    PRIMARY KEY (organisation, key, workstation, from_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX binding_by_workstation ON binding (workstation);
CREATE INDEX binding_by_key ON binding (key);
CREATE TABLE presence (
    key INTEGER NOT NULL,
    workstation INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL
) STRICT;
CREATE INDEX presence_by_key ON presence (key);
CREATE INDEX presence_by_workstation ON presence (workstation);
CREATE TABLE misplaced_session (
    login BLOB NOT NULL,
    workstation INTEGER NOT NULL,
    organisation INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    other_us INTEGER NOT NULL,
    PRIMARY KEY (login, workstation, other_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX misplaced_by_workstation ON misplaced_session (workstation);
CREATE TABLE conflict (
    code TEXT NOT NULL,
    workstation INTEGER NOT NULL,
    key INTEGER NOT NULL,
    organisations TEXT NOT NULL,
    workstations TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX conflict_by_workstation ON conflict (workstation);
CREATE INDEX conflict_by_key ON conflict (key);
)sql";

/// A report reads rows in their order, once: it needs no cache. An import goes to and fro in indices.
constexpr const char* settings = "PRAGMA busy_timeout=10000; PRAGMA temp_store=MEMORY;";
constexpr const char* settings_to_import = "PRAGMA cache_size=-196608;";

/// From version 1: a login's row is each workstation's own.
constexpr const char* to_version_2 = R"sql(
ALTER TABLE session RENAME TO session_1;
ALTER TABLE misplaced_session RENAME TO misplaced_session_1;
DROP INDEX session_by_login;
DROP INDEX session_by_record;
DROP INDEX misplaced_by_workstation;
CREATE TABLE session (
    month INTEGER NOT NULL,
    organisation INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    login BLOB NOT NULL,
    workstation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key INTEGER NOT NULL,
    grade INTEGER NOT NULL,
    program INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    ended_us INTEGER,
    state_seq INTEGER NOT NULL,
    PRIMARY KEY (month, organisation, started_us, login, workstation)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX session_by_login ON session (login, workstation);
CREATE INDEX session_by_record ON session (workstation, seq);
CREATE TABLE shared_login (login BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE misplaced_session (
    login BLOB NOT NULL,
    workstation INTEGER NOT NULL,
    organisation INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    other_us INTEGER NOT NULL,
    PRIMARY KEY (login, workstation, other_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX misplaced_by_workstation ON misplaced_session (workstation);
INSERT INTO session SELECT * FROM session_1;
INSERT INTO misplaced_session SELECT * FROM misplaced_session_1;
DROP TABLE session_1;
DROP TABLE misplaced_session_1;
)sql";

/// From version 2: what registry files named without changing it. What follows from the bundles is reckoned
/// anew.
constexpr const char* to_version_3 = R"sql(
CREATE TABLE registry_unchanged (
    code TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (code, since)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 3;
)sql";

Result<void> derive_all(Database& database) {
    std::set<std::int64_t> workstations;
    auto statement = database.prepare("SELECT id FROM workstation");
    UKEY_TRY(statement.each([&] { workstations.insert(statement.integer(0)); }));
    return derive(database, workstations);
}

Result<void> bring_up_to_date(Database& database, std::int64_t version) {
    if (version == store_version) {
        return {};
    }
    auto transaction = Transaction::begin(database);
    if (!transaction) {
        return tl::unexpected(transaction.error());
    }
    UKEY_TRY(version < 2 ? database.execute(to_version_2) : Result<void>());
    UKEY_TRY(database.execute(to_version_3));
    UKEY_TRY(derive_all(database));
    return transaction->commit();
}

} // namespace

Error as_district_error(Error error) {
    if (error.code.starts_with("state.") || error.code.starts_with("ledger.")) {
        error.code = "district.unusable";
    }
    return error;
}

Result<Store> Store::create(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        const int error = errno;
        return fail(error == EEXIST ? "district.exists" : "file.unwritable", "make the store", path,
                    std::generic_category().message(error));
    }
    ::close(descriptor);
    auto database = Database::open(path);
    if (!database) {
        return tl::unexpected(as_district_error(database.error()));
    }
    Result<void> made = database->execute("BEGIN IMMEDIATE; " + std::string(schema) +
                                          "PRAGMA application_id = " + std::to_string(application_id) +
                                          "; PRAGMA user_version = " + std::to_string(store_version) +
                                          "; COMMIT;" + settings);
    if (!made) {
        return tl::unexpected(as_district_error(made.error()));
    }
    return Store(std::move(*database));
}

Result<void> Store::prepare_import() {
    return database_.execute(settings_to_import);
}

Result<Store> Store::open(const std::string& path) {
    if (::access(path.c_str(), R_OK) != 0) {
        return fail("file.unreadable", "open the store", path, std::generic_category().message(errno));
    }
    auto database = Database::open(path);
    if (!database) {
        const bool other = database.error().code == "state.corrupt";
        return other ? fail("district.no_store", "open the store", path, database.error().reason)
                     : tl::unexpected(as_district_error(database.error()));
    }
    const auto id = database->pragma("application_id");
    const auto version = database->pragma("user_version");
    if (!id || !version || *id != application_id) {
        return fail("district.no_store", "open the store", path,
                    id ? "it is another database" : id.error().reason);
    }
    if (*version > store_version) {
        return fail("district.newer", "open the store", path,
                    "version " + std::to_string(*version) + ", this program knows " +
                        std::to_string(store_version));
    }
    Result<void> ready = bring_up_to_date(*database, *version);
    ready = ready ? database->execute(settings) : ready;
    if (!ready) {
        return tl::unexpected(as_district_error(ready.error()));
    }
    return Store(std::move(*database));
}

} // namespace ukey::ctl::district
