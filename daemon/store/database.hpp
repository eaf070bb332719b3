// SPDX-License-Identifier: Apache-2.0
// RAII over SQLite: one connection, its statements and transactions. Used by the store thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/core/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace ukey {

class StatementCache;

/// A prepared statement. Values are bound in order from 1; text and blobs are copied. When it could not be
/// prepared, the first step says so.
class Statement {
  public:
    Statement(sqlite3_stmt* statement, std::shared_ptr<StatementCache> cache)
        : statement_(statement), cache_(std::move(cache)) {}
    explicit Statement(Error error) : error_(std::move(error)) {}
    ~Statement();
    Statement(const Statement&) = delete; // owns a sqlite3_stmt
    Statement& operator=(const Statement&) = delete;
    Statement(Statement&& other) noexcept
        : statement_(other.statement_), cache_(std::move(other.cache_)), next_(other.next_),
          error_(std::move(other.error_)) {
        other.statement_ = nullptr;
    }
    Statement& operator=(Statement&&) = delete;

    Statement& bind(std::int64_t value);
    Statement& bind(std::string_view value);
    Statement& bind_blob(std::string_view value);
    Statement& bind_null();
    Statement& bind(const std::optional<std::int64_t>& value);

    /// To be run once more: its values are bound anew, from the first one.
    Statement& reset();

    /// True when there is a row, false at the end.
    Result<bool> step();
    /// For statements without rows.
    Result<void> run();
    /// Calls `visit` for every row; the columns are read from this statement.
    Result<void> each(const std::function<void()>& visit);

    std::int64_t integer(int column) const;
    std::optional<std::int64_t> optional_integer(int column) const;
    std::string text(int column) const;
    /// The same without a copy: until the next step, or the next reading of this column.
    std::string_view view(int column) const;
    bool is_null(int column) const;

  private:
    sqlite3_stmt* statement_ = nullptr;
    std::shared_ptr<StatementCache> cache_; ///< where it goes when it is done with
    int next_ = 1;
    std::optional<Error> error_;
};

class Database {
  public:
    /// Opens or creates the file: WAL, synchronous=FULL, foreign keys. Error `state.unusable` or
    /// `state.corrupt`.
    static Result<Database> open(const std::string& path);
    /// The same as one file, without a journal that stays beside it: for one that is handed on. It is nobody
    /// else's while it is open.
    static Result<Database> open_alone(const std::string& path);
    /// An existing file, for reading only. Error `state.unusable` or `state.corrupt`.
    static Result<Database> open_to_read(const std::string& path);

    ~Database();
    Database(Database&& other) noexcept;
    Database& operator=(Database&&) = delete;
    Database(const Database&) = delete; // owns a sqlite3
    Database& operator=(const Database&) = delete;

    /// Statements on rows are kept, without their values, for the next time: a login has some eight of them.
    Statement prepare(std::string_view sql);
    /// One or several statements without parameters or rows.
    Result<void> execute(const std::string& sql);
    /// Copies all of it into `other`, page by page. Inside a transaction it is the state that this one reads,
    /// whatever others write meanwhile, and nobody waits for it. `other` is one file afterwards, opened
    /// alone. `progress` is called with bytes.
    using CopyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;
    Result<void> copy_to(Database& other, const CopyProgress& progress);
    bool has_table(std::string_view name);
    /// Of a PRAGMA that is a number.
    Result<std::int64_t> pragma(const std::string& name);

    /// A transaction is open: some errors end it by themselves.
    bool in_transaction() const;
    /// Rows changed by the last statement.
    std::int64_t changes() const;
    const std::string& path() const { return path_; }

  private:
    static Result<Database> open_with(const std::string& path, int flags, const std::string& settings);
    Database(sqlite3* connection, std::string path);

    sqlite3* connection_;
    std::shared_ptr<StatementCache> cache_; ///< shared with the statements, which may outlive this
    std::string path_;
};

/// Rolls back on destruction unless committed.
class Transaction {
  public:
    static Result<Transaction> begin(Database& database);
    /// What is read until its end is of one state of the database.
    static Result<Transaction> begin_reading(Database& database);
    ~Transaction();
    Transaction(Transaction&& other) noexcept : database_(other.database_) { other.database_ = nullptr; }
    Transaction& operator=(Transaction&&) = delete;
    Transaction(const Transaction&) = delete; // one end of one transaction
    Transaction& operator=(const Transaction&) = delete;

    /// On disk when this returns without error. After an error everything is rolled back.
    Result<void> commit();

  private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

/// Returns the error of a Result from the enclosing function.
// NOLINTBEGIN(bugprone-macro-parentheses): names cannot stand in parentheses
#define UKEY_TRY(expression) UKEY_TRY_NAMED(UKEY_JOIN(ukey_try_, __LINE__), expression)
#define UKEY_TRY_NAMED(name, expression)                                                                     \
    if (auto name = (expression); !name)                                                                     \
    return tl::unexpected(std::move(name).error())
#define UKEY_JOIN(left, right) UKEY_JOIN_EXPANDED(left, right)
#define UKEY_JOIN_EXPANDED(left, right) left##right
// NOLINTEND(bugprone-macro-parentheses)

} // namespace ukey
