// SPDX-License-Identifier: Apache-2.0
// The database with its ledger: every change of state is one transaction with its record. Store thread only;
// blocking.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/ledger.hpp"
#include "daemon/store/database.hpp"

namespace ukey {

class Storage {
  public:
    /// Opens, migrates and reads the ledger's head. Errors as Database::open and migrate.
    static Result<Storage> open(const std::string& path, const Clock& clock);

    Database& database() { return *database_; }
    Timestamp now() const { return clock_->now(); }

    /// Runs `change` in a transaction. When it or the commit fails, nothing of it is in the database.
    Result<void> write(const std::function<Result<void>()>& change);

    /// From here to end_together() all write() share one transaction, which begins with the first of them. A
    /// change that fails is undone alone.
    void begin_together();
    /// Commits. When that fails, or the database gave the transaction up before, nothing of any of them is in
    /// the database.
    Result<void> end_together();

    /// Appends a record; only inside write().
    Result<void> append(std::string_view kind, const boost::json::object& payload);

    std::uint64_t head_seq() const { return head_seq_; }
    const std::string& head_hash() const { return head_hash_; }

    /// Calls `visit` with the records from..to (0: to the end) in order until it returns false.
    Result<void> visit_records(std::uint64_t from_seq, std::uint64_t to_seq,
                               const std::function<bool(const LedgerRecord&)>& visit);

  private:
    Storage(std::unique_ptr<Database> database, const Clock& clock);
    Result<void> read_head();
    struct Head {
        std::uint64_t seq;
        std::string hash;
    };
    Head head() const { return {head_seq_, head_hash_}; }
    void set_head(const Head& head);
    /// The ledger's last record is written: every later write() fails.
    void seal() { sealed_ = true; }

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
    bool sealed_ = false;
