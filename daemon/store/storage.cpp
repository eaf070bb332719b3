// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/storage.hpp"

#include <boost/json/serialize.hpp>

#include "daemon/store/schema.hpp"

namespace ukey {
namespace {

LedgerRecord read_record(const Statement& statement) {
    return {.seq = static_cast<std::uint64_t>(statement.integer(0)),
            .time = from_microseconds(statement.integer(1)),
            .boottime = std::chrono::microseconds(statement.integer(2)),
            .kind = statement.text(3),
            .payload = statement.text(4),
            .hash = statement.text(5)};
}

} // namespace

Storage::Storage(std::unique_ptr<Database> database, const Clock& clock)
    : database_(std::move(database)), clock_(&clock) {}

Result<Storage> Storage::open(const std::string& path, const Clock& clock) {
    auto database = Database::open(path);
    if (!database) {
        return tl::unexpected(database.error());
    }
    UKEY_TRY(migrate(*database));
    Storage storage(std::make_unique<Database>(std::move(*database)), clock);
    UKEY_TRY(storage.read_head());
    return storage;
}

Result<Storage> Storage::open_to_read(const std::string& path, const Clock& clock) {
    auto database = Database::open_to_read(path);
    if (!database) {
        return tl::unexpected(database.error());
    }
    return Storage(std::make_unique<Database>(std::move(*database)), clock);
}

Result<void> Storage::read_head() {
    auto statement = database_->prepare("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1");
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    if (*row) {
        head_seq_ = static_cast<std::uint64_t>(statement.integer(0));
        head_hash_ = statement.text(1);
    }
    return {};
}

void Storage::set_head(const Head& head) {
    head_seq_ = head.seq;
    head_hash_ = head.hash;
}

Result<void> Storage::write_together(const std::function<Result<void>()>& change) {
    if (together_->given_up) {
        return tl::unexpected(*together_->given_up);
    }
    if (!together_->transaction) {
        auto transaction = Transaction::begin(*database_);
        if (!transaction) {
            return tl::unexpected(transaction.error());
        }
        together_->transaction.emplace(std::move(*transaction));
        together_->before = head();
    }
    const Head before = head();
    UKEY_TRY(database_->execute("SAVEPOINT change"));
    Result<void> done;
    try {
        done = change();
    } catch (...) {
        set_head(before);
        together_->given_up = Error{"internal.error", "write the ledger", database_->path(), "an exception"};
        throw; // end_together() takes all of it back
    }
    if (!done) {
        set_head(before);
        // After some errors (a full disk) SQLite has rolled the whole transaction back, and there is no
        // savepoint.
        if (const auto undone = database_->execute("ROLLBACK TO change");
            !undone || !database_->in_transaction()) {
            together_->given_up = done.error();
            return done;
        }
    }
    UKEY_TRY(database_->execute("RELEASE change"));
    return done;
}

void Storage::begin_together() {
    together_.emplace();
}

Result<void> Storage::end_together() {
    Together together = std::move(*together_);
    together_.reset();
    if (!together.transaction) {
        return {};
    }
    Result<void> done =
        together.given_up ? Result<void>(tl::unexpected(*together.given_up)) : together.transaction->commit();
    if (!done) {
        set_head(together.before);
    }
    return done;
}

Result<void> Storage::write(const std::function<Result<void>()>& change) {
    if (together_) {
        return write_together(change);
    }
    const Head before = head();
    const auto attempt = [&]() -> Result<void> {
        auto transaction = Transaction::begin(*database_);
        if (!transaction) {
            return tl::unexpected(transaction.error());
        }
        UKEY_TRY(change());
        return transaction->commit();
    };
    Result<void> done;
    try {
        done = attempt();
    } catch (...) {
        set_head(before); // as the transaction is taken back
        throw;
    }
    if (!done) {
        set_head(before);
    }
    return done;
}

Result<bool> Storage::compact() {
    UKEY_TRY(database_->execute("VACUUM"));
    auto checkpoint = database_->prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    UKEY_TRY(checkpoint.step());
    const bool was_busy = checkpoint.integer(0) != 0;
    return !was_busy;
}

Result<void> Storage::keep(std::uint64_t seq, const Opening& opening) {
    auto statement = database_->prepare("INSERT INTO personal (seq, salt, value) VALUES (?, ?, ?)");
    statement.bind(static_cast<std::int64_t>(seq)).bind_blob(opening.salt).bind_blob(opening.value);
    return statement.run();
}

Result<void> Storage::append(std::string_view kind, const boost::json::object& payload) {
    if (sealed_) {
        return fail("state.unusable", "write the ledger", database_->path(), "the service has stopped");
    }
    boost::json::object said = payload;
    const std::optional<Opening> opening = take_personal(said);
    LedgerRecord record{.seq = head_seq_ + 1,
                        .time = clock_->now(),
                        .boottime = clock_->boottime(),
                        .kind = std::string(kind),
                        .payload = boost::json::serialize(said),
                        .hash = {}};
    record.hash = ledger_hash(head_hash_, record);
    auto statement = database_->prepare(
        "INSERT INTO ledger (seq, time_us, boottime_us, kind, payload, hash) VALUES (?, ?, ?, ?, ?, ?)");
    statement.bind(static_cast<std::int64_t>(record.seq))
        .bind(to_microseconds(record.time))
        .bind(record.boottime.count())
        .bind(record.kind)
        .bind_blob(record.payload)
        .bind_blob(record.hash);
    UKEY_TRY(statement.run());
    if (opening) {
        UKEY_TRY(keep(record.seq, *opening));
    }
    head_seq_ = record.seq;
    head_hash_ = record.hash;
    return {};
}

Result<void> Storage::visit_records(std::uint64_t from_seq, std::uint64_t to_seq,
                                    const std::function<bool(const LedgerRecord&)>& visit) {
    auto statement = database_->prepare("SELECT seq, time_us, boottime_us, kind, payload, hash FROM ledger "
                                        "WHERE seq >= ? AND seq <= ? ORDER BY seq");
    const std::uint64_t last = to_seq == 0 ? head_seq_ : to_seq;
    statement.bind(static_cast<std::int64_t>(from_seq)).bind(static_cast<std::int64_t>(last));
    for (;;) {
        const auto row = statement.step();
        if (!row) {
            return tl::unexpected(row.error());
        }
        if (!*row || !visit(read_record(statement))) {
            return {};
        }
    }
}

Result<void> Storage::visit_opened_records(std::uint64_t from_seq, std::uint64_t to_seq,
                                           const VisitOpened& visit) {
    auto statement = database_->prepare(
        "SELECT ledger.seq, time_us, boottime_us, kind, payload, hash, salt, value FROM ledger "
        "LEFT JOIN personal ON personal.seq = ledger.seq WHERE ledger.seq >= ? AND ledger.seq <= ? "
        "ORDER BY ledger.seq");
    const std::uint64_t last = to_seq == 0 ? head_seq_ : to_seq;
    statement.bind(static_cast<std::int64_t>(from_seq)).bind(static_cast<std::int64_t>(last));
    for (;;) {
        const auto row = statement.step();
        if (!row) {
            return tl::unexpected(row.error());
        }
        if (!*row) {
            return {};
        }
        const Opening opening{statement.text(6), statement.text(7)};
        if (!visit(read_record(statement), statement.is_null(6) ? nullptr : &opening)) {
            return {};
        }
    }
}

} // namespace ukey
