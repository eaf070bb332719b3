// SPDX-License-Identifier: Apache-2.0
// The database with its ledger: every change of state is one transaction with its record. Store thread only;
// blocking.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/ledger.hpp"
#include "daemon/core/personal.hpp"
#include "daemon/store/database.hpp"

namespace ukey {

class Storage {
  public:
    /// Opens, migrates and reads the ledger's head. Errors as Database::open and migrate.
    static Result<Storage> open(const std::string& path, const Clock& clock);

    /// The same file once more, beside the one that writes: for reading only, by read(). Errors as
    /// Database::open_to_read.
    static Result<Storage> open_to_read(const std::string& path, const Clock& clock);

    /// Calls `look`, which answers a Result, on one state of the database; head_seq() and head_hash() are of
    /// that state. Only of a Storage that was opened to read.
    template <typename Look>
    std::invoke_result_t<Look&> read(Look look) {
        auto transaction = Transaction::begin_reading(*database_);
        if (!transaction) {
            return tl::unexpected(transaction.error());
        }
        UKEY_TRY(read_head());
        return look();
    }

    Database& database() { return *database_; }
    Timestamp now() const { return clock_->now(); }
    /// When the computer was started, by its present clock.
    Timestamp booted() const { return clock_->now() - clock_->boottime(); }

    /// Runs `change` in a transaction. When it or the commit fails, nothing of it is in the database.
    Result<void> write(const std::function<Result<void>()>& change);

    /// From here to end_together() all write() share one transaction, which begins with the first of them. A
    /// change that fails is undone alone.
    void begin_together();
    /// Commits. When that fails, or the database gave the transaction up before, nothing of any of them is in
    /// the database.
    Result<void> end_together();

    /// Writes the whole file anew, without what was removed: SQLite leaves copies of rows in pages from which
    /// it has moved them, also with secure_delete. False: a reader was in the way, and the journal still has
    /// the old pages; they go when the service stops. Not inside write(). Takes as long as the file is large.
    Result<bool> compact();

    /// The ledger's last record is written: every later append() fails.
    void seal() { sealed_ = true; }

    /// Appends a record; only inside write(). What is personal in the payload goes beside the ledger, and a
    /// reference to it into the record (docs/formats/ledger.md §7).
    Result<void> append(std::string_view kind, const boost::json::object& payload);

    std::uint64_t head_seq() const { return head_seq_; }
    const std::string& head_hash() const { return head_hash_; }

    /// Calls `visit` with the records from..to (0: to the end) in order until it returns false.
    Result<void> visit_records(std::uint64_t from_seq, std::uint64_t to_seq,
                               const std::function<bool(const LedgerRecord&)>& visit);

    /// The same with what the record refers to; null: it refers to nothing, or that was removed.
    using VisitOpened = std::function<bool(const LedgerRecord&, const Opening*)>;
    Result<void> visit_opened_records(std::uint64_t from_seq, std::uint64_t to_seq, const VisitOpened& visit);

  private:
    Storage(std::unique_ptr<Database> database, const Clock& clock);
    Result<void> read_head();
    Result<void> keep(std::uint64_t seq, const Opening& opening);
    struct Head {
        std::uint64_t seq;
        std::string hash;
    };
    Head head() const { return {head_seq_, head_hash_}; }
    void set_head(const Head& head);
    Result<void> write_together(const std::function<Result<void>()>& change);

    /// What several write() share.
    struct Together {
        std::optional<Transaction> transaction;
        Head before;
        std::optional<Error> given_up;
    };
    std::optional<Together> together_;

    std::unique_ptr<Database> database_;
    const Clock* clock_;
    bool sealed_ = false;
    std::uint64_t head_seq_ = 0;
    std::string head_hash_ = ledger_genesis_hash();
};

inline std::int64_t to_microseconds(Timestamp moment) {
    return moment.time_since_epoch().count();
}
inline Timestamp from_microseconds(std::int64_t value) {
    return Timestamp(std::chrono::microseconds(value));
}

} // namespace ukey
