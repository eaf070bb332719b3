// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/storage.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/store/store_thread.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

class StorageTest : public ::testing::Test {
  protected:
    Storage open() { return Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value(); }

    static Result<void> write(Storage& storage, const std::string& kind, const std::string& text = {}) {
        return storage.write([&] { return storage.append(kind, {{"text", text}}); });
    }

    static Result<void> fail_after_writing(Storage& storage, const std::string& kind) {
        return storage.write([&]() -> Result<void> {
            UKEY_TRY(storage.append(kind, {}));
            return fail("state.constraint", "test", kind, "");
        });
    }

    /// The kinds of all records; the chain must be whole and end where the storage says.
    static std::vector<std::string> kinds(Storage& storage) {
        std::vector<std::string> kinds;
        ChainVerifier chain;
        EXPECT_TRUE(storage.visit_records(1, 0, [&](const LedgerRecord& record) {
            EXPECT_EQ(chain.add(record), std::nullopt);
            kinds.push_back(record.kind);
            return true;
        }));
        EXPECT_EQ(chain.seq(), storage.head_seq());
        EXPECT_EQ(chain.head(), storage.head_hash());
        return kinds;
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
};

TEST_F(StorageTest, ChangesThatShareACommitFailAlone) {
    Storage storage = open();
    storage.begin_together();
    EXPECT_TRUE(write(storage, "first"));
    EXPECT_FALSE(fail_after_writing(storage, "second"));
    EXPECT_TRUE(write(storage, "third"));
    EXPECT_TRUE(storage.end_together());
    EXPECT_EQ(kinds(storage), (std::vector<std::string>{"first", "third"}));
    EXPECT_TRUE(write(storage, "alone"));
    EXPECT_EQ(kinds(storage).size(), 3U);
}

TEST_F(StorageTest, NothingToShareIsNoFailure) {
    Storage storage = open();
    storage.begin_together();
    EXPECT_TRUE(storage.end_together());
    EXPECT_TRUE(kinds(storage).empty());
}

TEST_F(StorageTest, ReaderSeesWhatIsCommittedAndDoesNotWaitForTheWriter) {
    Storage storage = open();
    ASSERT_TRUE(write(storage, "first"));
    Storage reader = Storage::open_to_read((folder_.path() / "ukeyd.db").string(), clock_).value();
    const auto seen = [&] {
        return reader.read([&]() -> Result<std::uint64_t> { return reader.head_seq(); });
    };
    ASSERT_TRUE(storage.write([&]() -> Result<void> {
        UKEY_TRY(storage.append("second", {}));
        EXPECT_EQ(seen().value(), 1U) << "a write is under way";
        return {};
    }));
    EXPECT_EQ(seen().value(), 2U);
    ASSERT_TRUE(reader.read([&]() -> Result<void> {
        EXPECT_TRUE(write(storage, "third"));
        std::size_t records = 0;
        UKEY_TRY(reader.visit_records(1, 3, [&](const LedgerRecord& /*record*/) { return ++records > 0; }));
        EXPECT_EQ(records, 2U) << "one state, whatever is written meanwhile";
        return {};
    }));
    EXPECT_FALSE(write(reader, "fourth"));
    EXPECT_EQ(kinds(storage).size(), 3U);
}

TEST_F(StorageTest, ExceptionTakesTheHeadBackWithTheRecord) {
    Storage storage = open();
    ASSERT_TRUE(write(storage, "first"));
    const auto fails = [&]() -> Result<void> {
        UKEY_TRY(storage.append("second", {}));
        throw std::runtime_error("as when memory runs out");
    };
    EXPECT_THROW(static_cast<void>(storage.write(fails)), std::runtime_error);
    EXPECT_EQ(kinds(storage), (std::vector<std::string>{"first"}));
    storage.begin_together();
    EXPECT_TRUE(write(storage, "beside"));
    EXPECT_THROW(static_cast<void>(storage.write(fails)), std::runtime_error);
    EXPECT_FALSE(storage.end_together());
    EXPECT_EQ(kinds(storage), (std::vector<std::string>{"first"}));
    EXPECT_TRUE(write(storage, "third"));
    EXPECT_EQ(kinds(storage).size(), 2U);
}

TEST_F(StorageTest, FullDatabaseLeavesWhatWasConfirmedAndAWholeChain) {
    Storage storage = open();
    ASSERT_TRUE(write(storage, "before"));
    ASSERT_TRUE(storage.database().execute("PRAGMA max_page_count = 60"));
    storage.begin_together();
    const bool first = write(storage, "first").has_value();
    EXPECT_FALSE(write(storage, "too_large", std::string(std::size_t{1024} * 1024, 'x')));
    const bool third = write(storage, "third").has_value();
    const bool committed = storage.end_together().has_value();
    std::vector<std::string> expected{"before"};
    if (committed && first) {
        expected.emplace_back("first");
    }
    if (committed && third) {
        expected.emplace_back("third");
    }
    EXPECT_EQ(kinds(storage), expected);
    ASSERT_TRUE(storage.database().execute("PRAGMA max_page_count = 100000"));
    EXPECT_TRUE(write(storage, "after"));
    EXPECT_EQ(kinds(storage).back(), "after");
    Storage again = open();
    EXPECT_EQ(kinds(again).back(), "after");
}

TEST_F(StorageTest, CommitThatFailsFailsAlsoWhoOnlyReadWhatItShared) {
    std::vector<std::optional<bool>> done(3);
    {
        boost::asio::io_context io;
        StoreThread store(open());
        std::promise<void> all_wait;
        store.post([waiting = all_wait.get_future().share()](Storage& storage) {
            waiting.wait();
            // A constraint that is looked at by the commit only.
            EXPECT_TRUE(storage.database().execute(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
                "CREATE TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"));
        });
        const auto call = [&](std::size_t number,
                              std::function<Result<void>(Storage&)> job) -> boost::asio::awaitable<void> {
            const auto answer = co_await store.run_together(std::move(job));
            done[number] = answer.has_value();
        };
        boost::asio::co_spawn(io, call(0, [](Storage& storage) { return write(storage, "shared"); }),
                              boost::asio::detached);
        boost::asio::co_spawn(io,
                              call(1,
                                   [](Storage& storage) -> Result<void> {
                                       return storage.head_seq() == 1 ? Result<void>() : fail("", "", "", "");
                                   }),
                              boost::asio::detached);
        boost::asio::co_spawn(io,
                              call(2,
                                   [](Storage& storage) {
                                       return storage.write([&] {
                                           return storage.database().execute("INSERT INTO child VALUES (1)");
                                       });
                                   }),
                              boost::asio::detached);
        io.poll();
        all_wait.set_value();
        io.run();
    }
    EXPECT_EQ(done, (std::vector<std::optional<bool>>{false, false, false}));
    Storage storage = open();
    EXPECT_TRUE(kinds(storage).empty());
}

TEST_F(StorageTest, ManyCallersOfTheThreadGetTheirAnswers) {
    constexpr int callers = 200;
    int confirmed = 0;
    int refused = 0;
    {
        boost::asio::io_context io;
        StoreThread store(open());
        const auto call = [&](int number) -> boost::asio::awaitable<void> {
            const std::string kind = "caller" + std::to_string(number);
            const auto job = [&](Storage& storage) {
                return number % 10 == 0 ? fail_after_writing(storage, kind) : write(storage, kind);
            };
            Result<void> done;
            if (number % 7 == 0) {
                done = co_await store.run(job);
            } else {
                done = co_await store.run_together(job);
            }
            ++(done ? confirmed : refused);
        };
        for (int number = 0; number < callers; ++number) {
            boost::asio::co_spawn(io, call(number), boost::asio::detached);
        }
        io.run();
    }
    EXPECT_EQ(refused, callers / 10);
    EXPECT_EQ(confirmed, callers - refused);
    Storage storage = open();
    EXPECT_EQ(kinds(storage).size(), static_cast<std::size_t>(confirmed));
}

} // namespace
} // namespace ukey
