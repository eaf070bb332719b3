// SPDX-License-Identifier: Apache-2.0
// Durable logins a second, by one writer and by sixteen, beside plain SQLite commits of the same rows in a
// database with the same settings on the same disk.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "daemon/store/session_store.hpp"
#include "daemon/store/store_thread.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// In the working directory: a benchmark of a disk does not belong into a file system in memory.
class BenchFolder {
  public:
    BenchFolder() { std::filesystem::create_directory(path_); }
    ~BenchFolder() { std::filesystem::remove_all(path_); }
    BenchFolder(const BenchFolder&) = delete; // owns the folder
    BenchFolder& operator=(const BenchFolder&) = delete;
    BenchFolder(BenchFolder&&) = delete;
    BenchFolder& operator=(BenchFolder&&) = delete;

    std::string file(const char* name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_ = fmt::format("store_bench.{}", ::getpid());
};

LoginSession login(std::uint64_t number) {
    LoginSession session;
    session.login = fmt::format("{:032x}", number);
    session.key_id = "0123456789ab";
    session.uid = 1000;
    session.pid = 4321;
    session.executable = "/usr/lib/firefox-esr/firefox-esr";
    session.application = "firefox-esr";
    session.verdict = "allow";
    return session;
}

const SystemClock& clock() {
    static const SystemClock clock;
    return clock;
}

/// What start_session() writes, with statements that are prepared once: the least that SQLite can do for it.
void plain_commits(benchmark::State& state) {
    const BenchFolder folder;
    auto storage = Storage::open(folder.file("plain.db"), clock());
    Database& database = storage->database();
    // The rows as start_session() makes them, from a ledger of its own.
    auto sample = Storage::open(folder.file("sample.db"), clock());
    LoginSession session = login(0);
    if (!start_session(*sample, session)) {
        state.SkipWithError("no sample");
        return;
    }
    LedgerRecord record;
    std::optional<Opening> opening;
    benchmark::DoNotOptimize(
        sample->visit_opened_records(1, 0, [&](const LedgerRecord& found, const Opening* personal) {
            record = found;
            opening = personal != nullptr ? std::optional(*personal) : std::nullopt;
            return true;
        }));
    if (!opening) {
        state.SkipWithError("nothing personal in the sample");
        return;
    }
    auto insert = database.prepare(
        "INSERT INTO ledger (seq, time_us, boottime_us, kind, payload, hash) VALUES (?, ?, ?, ?, ?, ?)");
    auto row = database.prepare(
        "INSERT INTO session (login, key_id, organisation, uid, pid, executable, application, grade, "
        "verdict, "
        "codes, started_us, uses) VALUES (?, ?, '', 1000, 4321, ?, ?, 'observed', 'allow', '', ?, 0)");
    auto personal = database.prepare("INSERT INTO personal (seq, salt, value) VALUES (?, ?, ?)");
    std::int64_t seq = 0;
    for (auto _ : state) {
        ++seq;
        auto transaction = Transaction::begin(database);
        insert.reset().bind(seq).bind(seq).bind(seq).bind(record.kind);
        insert.bind_blob(record.payload).bind_blob(record.hash);
        personal.reset().bind(seq).bind_blob(opening->salt).bind_blob(opening->value);
        row.reset().bind(fmt::format("{:032x}", seq)).bind(session.key_id);
        row.bind(session.executable).bind(session.application).bind(seq);
        if (!insert.run() || !personal.run() || !row.run() || !transaction->commit()) {
            state.SkipWithError("a commit failed");
            return;
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

void ledger_appends(benchmark::State& state) {
    const BenchFolder folder;
    auto storage = Storage::open(folder.file("ukeyd.db"), clock());
    std::uint64_t number = 0;
    for (auto _ : state) {
        LoginSession session = login(++number);
        if (!start_session(*storage, session)) {
            state.SkipWithError("a login was refused");
            return;
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

/// `state.range(0)` writers, each waiting for its own commit before its next login.
void concurrent_writers(benchmark::State& state) {
    const BenchFolder folder;
    auto storage = Storage::open(folder.file("ukeyd.db"), clock());
    StoreThread store(std::move(*storage));
    constexpr int logins_each = 20;
    std::uint64_t number = 0;
    for (auto _ : state) {
        asio::io_context io{1};
        for (std::int64_t writer = 0; writer < state.range(0); ++writer) {
            asio::co_spawn(
                io,
                [&]() -> asio::awaitable<void> {
                    for (int left = logins_each; left > 0; --left) {
                        LoginSession session = login(++number);
                        const auto done = co_await store.run_together(
                            [&](Storage& open) { return start_session(open, session); });
                        if (!done) {
                            state.SkipWithError("a login was refused");
                        }
                    }
                },
                asio::detached);
        }
        io.run();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0) * logins_each);
}

BENCHMARK(plain_commits)->UseRealTime()->Repetitions(5);
BENCHMARK(ledger_appends)->UseRealTime()->Repetitions(5);
BENCHMARK(concurrent_writers)->Arg(1)->Arg(16)->UseRealTime()->Repetitions(5);

} // namespace
} // namespace ukey

BENCHMARK_MAIN();
