// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/database.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include <sqlite3.h>

namespace ukey {
namespace {

/// So much of a copy is made at once: often enough for whoever watches.
constexpr int pages_at_once = 256;

/// What went wrong, as a code: the disk or permissions, damage, or a rule of the schema.
Error database_error(sqlite3* connection, const std::string& context, const std::string& object) {
    const int code = sqlite3_errcode(connection);
    const char* message = sqlite3_errmsg(connection);
    switch (code) { // SQLite's result codes are plain integers, so no exhaustive switch here
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return {"state.corrupt", context, object, message};
    case SQLITE_CONSTRAINT:
        return {"state.constraint", context, object, message};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return {"state.unusable", context, object, message};
    default:
        return {"ledger.write_failed", context, object, message};
    }
}

} // namespace

/// Statements that nobody uses at the moment, by their texts.
class StatementCache {
  public:
    StatementCache() = default;
    ~StatementCache() { close(); }
    StatementCache(const StatementCache&) = delete; // owns statements
    StatementCache& operator=(const StatementCache&) = delete;
    StatementCache(StatementCache&&) = delete;
    StatementCache& operator=(StatementCache&&) = delete;

    /// Null: there is none.
    sqlite3_stmt* take(const std::string& sql) {
        const auto node = idle_.extract(sql);
        return node.empty() ? nullptr : node.mapped();
    }

    void give_back(sqlite3_stmt* statement) {
        sqlite3_reset(statement); // what it returns is the last step's failure, which was told then
        sqlite3_clear_bindings(statement);
        const char* sql = sqlite3_sql(statement);
        if (closed_ || sql == nullptr || !is_on_rows(sql) || idle_.size() == idle_max ||
            !idle_.emplace(sql, statement).second) {
            sqlite3_finalize(statement);
        }
    }

    void close() {
        closed_ = true;
        for (const auto& [sql, statement] : idle_) {
            sqlite3_finalize(statement);
        }
        idle_.clear();
    }

  private:
    /// Others are rare, and some of SQLite's PRAGMAs are answered when they are prepared.
    static bool is_on_rows(std::string_view sql) {
        constexpr std::array<std::string_view, 4> verbs = {"SELECT ", "INSERT ", "UPDATE ", "DELETE "};
        return std::ranges::any_of(verbs, [&](std::string_view verb) { return sql.starts_with(verb); });
    }

    /// Bounds the memory, should texts ever be made up as they are needed.
    static constexpr std::size_t idle_max = 128;

    std::unordered_map<std::string, sqlite3_stmt*> idle_;
    bool closed_ = false;
};

Statement::~Statement() {
    if (cache_ && statement_ != nullptr) {
        cache_->give_back(statement_);
    }
}

Statement& Statement::bind(std::int64_t value) {
    sqlite3_bind_int64(statement_, next_++, value);
    return *this;
}

Statement& Statement::bind(std::string_view value) {
    sqlite3_bind_text(statement_, next_++, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
}

Statement& Statement::bind_blob(std::string_view value) {
    sqlite3_bind_blob(statement_, next_++, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
}

Statement& Statement::bind_null() {
    sqlite3_bind_null(statement_, next_++);
    return *this;
}

Statement& Statement::bind(const std::optional<std::int64_t>& value) {
    return value ? bind(*value) : bind_null();
}

Statement& Statement::reset() {
    sqlite3_reset(statement_); // what it returns is the last step's failure, which was told then
    next_ = 1;
    return *this;
}

Result<bool> Statement::step() {
    if (error_) {
        return tl::unexpected(*error_);
    }
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE) {
        return false;
    }
    sqlite3* connection = sqlite3_db_handle(statement_);
    const char* file = sqlite3_db_filename(connection, "main");
    return tl::unexpected(database_error(connection, "use the database", file != nullptr ? file : ""));
}

Result<void> Statement::run() {
    UKEY_TRY(step());
    return {};
}

Result<void> Statement::each(const std::function<void()>& visit) {
    for (;;) {
        const auto row = step();
        if (!row) {
            return tl::unexpected(row.error());
        }
        if (!*row) {
            return {};
        }
        visit();
    }
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string Statement::text(int column) const {
    return std::string(view(column));
}

std::string_view Statement::view(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}

Result<Database> Database::open(const std::string& path) {
    return open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                     // What is removed or replaced is not to stay in free space: it may be personal.
                     "PRAGMA secure_delete=ON; ");
}

Result<Database> Database::open_alone(const std::string& path) {
    return open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                     "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; "
                     "PRAGMA secure_delete=ON; ");
}

Result<Database> Database::open_to_read(const std::string& path) {
    return open_with(path, SQLITE_OPEN_READONLY, "");
}

Result<Database> Database::open_with(const std::string& path, int flags, const std::string& settings) {
    sqlite3* connection = nullptr;
    const int opened = sqlite3_open_v2(path.c_str(), &connection, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(connection, path);
    if (opened != SQLITE_OK) {
        return tl::unexpected(database_error(connection, "open the database", path));
    }
    sqlite3_extended_result_codes(connection, 0);
    // The cache is small on purpose: the daemon reads little and is always there.
    const auto prepared = database.execute(settings + "PRAGMA cache_size=-512; PRAGMA trusted_schema=OFF;");
    if (!prepared) {
        Error error = prepared.error();
        error.code = error.code == "ledger.write_failed" ? "state.unusable" : error.code;
        return tl::unexpected(std::move(error));
    }
    return database;
}

Database::Database(sqlite3* connection, std::string path)
    : connection_(connection), cache_(std::make_shared<StatementCache>()), path_(std::move(path)) {}

Database::~Database() {
    if (cache_) {
        cache_->close();
    }
    sqlite3_close_v2(connection_);
}

Database::Database(Database&& other) noexcept
    : connection_(other.connection_), cache_(std::move(other.cache_)), path_(std::move(other.path_)) {
    other.connection_ = nullptr;
}

Statement Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = cache_->take(std::string(sql));
    if (statement != nullptr) {
        return {statement, cache_};
    }
    if (sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
        SQLITE_OK) {
        return Statement(database_error(connection_, "use the database", path_));
    }
    return {statement, cache_};
}

Result<void> Database::execute(const std::string& sql) {
    if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return tl::unexpected(database_error(connection_, "use the database", path_));
    }
    return {};
}

Result<void> Database::copy_to(Database& other, const CopyProgress& progress) {
    const auto page_bytes = pragma("page_size");
    if (!page_bytes) {
        return tl::unexpected(page_bytes.error());
    }
    sqlite3_backup* copy = sqlite3_backup_init(other.connection_, "main", connection_, "main");
    int code = copy == nullptr ? sqlite3_errcode(other.connection_) : SQLITE_OK;
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(copy, pages_at_once);
        const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(copy));
        const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(copy));
        progress((total - left) * static_cast<std::uint64_t>(*page_bytes),
                 total * static_cast<std::uint64_t>(*page_bytes));
    }
    sqlite3_backup_finish(copy); // says again what the last step said
    if (code != SQLITE_DONE) {
        return fail("state.unusable", "copy the database", path_, sqlite3_errstr(code));
    }
    // The pages say that there is a write-ahead log: the copy has none.
    return other.execute("PRAGMA journal_mode=DELETE");
}

bool Database::has_table(std::string_view name) {
    const auto found =
        prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").bind(name).step();
    return found.value_or(false);
}

Result<std::int64_t> Database::pragma(const std::string& name) {
    auto statement = prepare("PRAGMA " + name);
    UKEY_TRY(statement.step());
    return statement.integer(0);
}

std::int64_t Database::changes() const {
    return sqlite3_changes64(connection_);
}

bool Database::in_transaction() const {
    return sqlite3_get_autocommit(connection_) == 0;
}

Result<Transaction> Transaction::begin(Database& database) {
    UKEY_TRY(database.execute("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Result<Transaction> Transaction::begin_reading(Database& database) {
    UKEY_TRY(database.execute("BEGIN"));
    return Transaction(database);
}

Transaction::~Transaction() {
    if (database_ != nullptr) {
        // Nothing is lost when this fails: SQLite has rolled back by itself then.
        static_cast<void>(database_->execute("ROLLBACK"));
    }
}

Result<void> Transaction::commit() {
    UKEY_TRY(database_->execute("COMMIT"));
    database_ = nullptr;
    return {};
}

} // namespace ukey
