// SPDX-License-Identifier: Apache-2.0
// The service is killed at any moment while sixteen writers wait for their commits: what one of them was told
// to be on disk is there, once, and the next start needs no repair.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "daemon/store/lifecycle_store.hpp"
#include "daemon/store/session_store.hpp"
#include "daemon/store/store_thread.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

constexpr int kills = 1000;
/// After so many a new database begins: each start looks through all of it.
constexpr int kills_each = 25;
constexpr int writers = 16;
constexpr std::size_t login_digits = 32;
/// A round ends after at most so many acknowledged logins, so that all of them fit into the pipe.
constexpr unsigned acknowledged_max = 60;

/// Logs in for ever; tells each login that has been acknowledged.
asio::awaitable<void> write_logins(StoreThread& store, std::uint64_t round, int writer, int pipe) {
    for (std::uint64_t number = 0;; ++number) {
        LoginSession session;
        session.login = fmt::format("{:016x}{:04x}{:012x}", round, writer, number);
        const auto started = co_await store.run_together(
            [&](Storage& storage) -> Result<bool> { return start_session(storage, session); });
        if (!started) {
            ::_exit(2);
        }
        if (::write(pipe, session.login.data(), login_digits) != static_cast<ssize_t>(login_digits)) {
            ::_exit(3);
        }
    }
}

/// In the child: never returns.
[[noreturn]] void serve(const std::string& path, std::uint64_t round, int pipe) {
    static const SystemClock clock;
    auto storage = Storage::open(path, clock);
    if (!storage || !record_start(*storage, {}, [](TimeSpan) { return std::nullopt; })) {
        ::_exit(1);
    }
    StoreThread store(std::move(*storage));
    asio::io_context io{1};
    for (int writer = 0; writer < writers; ++writer) {
        asio::co_spawn(io, write_logins(store, round, writer, pipe), asio::detached);
    }
    io.run();
    ::_exit(4);
}

class KillTest : public ::testing::Test {
  protected:
    /// Starts a service, kills it after so many acknowledged logins; all that it acknowledged.
    std::vector<std::string> serve_and_kill(std::uint64_t round, unsigned wanted) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[0]);
            serve(path_, round, ends[1]);
        }
        ::close(ends[1]);
        std::vector<std::string> logins;
        std::string login(login_digits, '\0');
        while (::read(ends[0], login.data(), login_digits) == static_cast<ssize_t>(login_digits)) {
            logins.push_back(login);
            if (logins.size() == wanted) {
                ::kill(child, SIGKILL); // what it tells until it is dead counts too
            }
        }
        ::close(ends[0]);
        int status = 0;
        ::waitpid(child, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);
        return logins;
    }

    /// The records since the last look, and the logins.
    void look(const std::vector<std::string>& logins) {
        auto storage = Storage::open(path_, clock_);
        ASSERT_TRUE(storage) << to_string(storage.error());
        ASSERT_TRUE(storage->visit_records(chain_.seq() + 1, 0, [&](const LedgerRecord& record) {
            EXPECT_EQ(chain_.add(record), std::nullopt);
            return !HasFailure();
        }));
        EXPECT_EQ(chain_.head(), storage->head_hash());
        for (const std::string& login : logins) {
            EXPECT_TRUE(find_session(*storage, login, std::nullopt))
                << "acknowledged, and not there: " << login;
        }
    }

    void begin_anew() {
        folder_.emplace();
        path_ = (folder_->path() / "ukeyd.db").string();
        chain_ = ChainVerifier();
    }

    std::optional<test::TemporaryFolder> folder_;
    std::string path_;
    const SystemClock clock_;
    ChainVerifier chain_;
};

TEST_F(KillTest, NothingAcknowledgedIsLost) {
    const auto seed = static_cast<std::uint64_t>(std::random_device()());
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    std::size_t acknowledged = 0;
    std::uint64_t records = 0;
    for (std::uint64_t round = 1; round <= kills && !HasFailure(); ++round) {
        SCOPED_TRACE(fmt::format("seed {}, kill {}", seed, round));
        if (round % kills_each == 1) {
            records += chain_.seq();
            begin_anew();
        }
        const auto logins = serve_and_kill(round, 1 + static_cast<unsigned>(random() % acknowledged_max));
        acknowledged += logins.size();
        look(logins);
    }
    std::printf("%d kills, %zu logins acknowledged, %llu records\n", kills, acknowledged,
                static_cast<unsigned long long>(records + chain_.seq()));
    EXPECT_GT(acknowledged, static_cast<std::size_t>(kills));
}

} // namespace
} // namespace ukey
