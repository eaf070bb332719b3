// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>

#include "daemon/report_exception.hpp"
#include "daemon/store/lifecycle_store.hpp"
#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A hang must fail a test, a loaded machine must not.
constexpr std::chrono::seconds deadline{30};
constexpr std::uint64_t rv_pin_incorrect = 0xA0; // PKCS#11 2.40 §5.1

/// The filter's end of the channel, in this process.
class Client {
  public:
    explicit Client(const std::string& path) : descriptor_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(std::begin(address.sun_path), sizeof address.sun_path - 1);
        EXPECT_EQ(connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ~Client() { close(); }
    Client(const Client&) = delete; // owns a descriptor
    Client& operator=(const Client&) = delete;

    void close() {
        if (descriptor_ >= 0) {
            ::close(std::exchange(descriptor_, -1));
        }
    }

    /// False when the socket's buffer is full.
    bool send(const std::string& frames) const {
        return ::send(descriptor_, frames.data(), frames.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(frames.size());
    }
    void send(const boost::json::object& message) const { EXPECT_TRUE(send(encode_frame(message))); }

    /// What has come; nullopt when nothing whole has.
    std::optional<boost::json::object> receive() {
        std::array<char, 4096> bytes{};
        for (ssize_t count = 0; (count = recv(descriptor_, bytes.data(), bytes.size(), 0)) > 0;) {
            decoder_.append(std::string_view(bytes.data(), static_cast<std::size_t>(count)));
        }
        return decoder_.next().value();
    }

  private:
    int descriptor_;
    FrameDecoder decoder_{login_frame_max_bytes};
};

/// A server with its store and one module, whose worker is played here.
class LoginServerTest : public ::testing::Test {
  protected:
    LoginServerTest() {
        clock_.time = parse_timestamp("2026-11-24T08:00:00Z").value();
        clock_.uptime = 1h;
        asio::co_spawn(io_, play_module(listen_local(io_.get_executor(), path("probe.sock")).value()),
                       report_exception());
        asio::co_spawn(io_, logins_.serve(listen_local(io_.get_executor(), path("login.sock")).value()),
                       report_exception());
        keys_.set_removal_hook([this](const std::string& key_id) {
            return logins_.end_sessions_of_key(key_id, EndReason::key_removed);
        });
        events_.subscribe(
            [this](const boost::json::object& event) { ++told_[std::string(event.at("type").as_string())]; });
        keys_.start();
    }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    static Configuration configure(const std::string& socket) {
        Configuration configuration;
        configuration.modules = {{.name = "module", .path = "/module.so", .socket = socket}};
        configuration.login_reports_per_minute = 100;
        return configuration;
    }

    asio::awaitable<void> play_module(LocalAcceptor acceptor) {
        module_ = std::make_unique<Channel>(co_await acceptor.async_accept(asio::use_awaitable),
                                            control_frame_max_bytes);
        const boost::json::object hello = hello_to_json({});
        co_await module_->send(hello);
    }

    void run_until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (!condition()) {
            ASSERT_LT(std::chrono::steady_clock::now(), end) << "it does not come about";
            io_.run_one_for(10ms);
        }
    }

    /// The module says that these tokens are in.
    void plug(std::uint64_t generation, const std::vector<std::string>& serials) {
        run_until([&] { return module_ != nullptr; });
        std::vector<SlotReport> slots;
        for (const std::string& serial : serials) {
            TokenReport token;
            token.generation = generation;
            token.serial = serial;
            slots.push_back({.slot = slots.size(),
                             .description = "slot",
                             .manufacturer = {},
                             .present = true,
                             .error = {},
                             .token = std::move(token)});
        }
        const boost::json::object message{
            {"type", "slots"}, {"answer_to", nullptr}, {"slots", to_json(slots)}};
        asio::co_spawn(
            io_, [this, message]() -> asio::awaitable<void> { co_await module_->send(message); },
            report_exception());
        run_until([&] { return keys_.all_read() && keys_.keys().size() == serials.size(); });
    }

    /// On the store's thread.
    template <typename Job>
    auto in_store(Job job) {
        std::optional<std::invoke_result_t<Job&, Storage&>> answer;
        asio::co_spawn(
            io_, [&]() -> asio::awaitable<void> { answer = co_await store_.run(job); }, report_exception());
        run_until([&] { return answer.has_value(); });
        return std::move(*answer);
    }

    LoginSession session(const std::string& login) {
        return in_store([&](Storage& storage) { return find_session(storage, login, std::nullopt); }).value();
    }

    std::vector<std::string> kinds() {
        std::vector<std::string> kinds;
        EXPECT_TRUE(in_store([&](Storage& storage) {
            return storage.visit_records(1, 0, [&](const LedgerRecord& record) {
                kinds.push_back(record.kind);
                return true;
            });
        }));
        return kinds;
    }
    std::ptrdiff_t count(const std::string& kind) {
        const std::vector<std::string> all = kinds();
        return std::ranges::count(all, kind);
    }

    /// Has the database refuse, as a full disk would; `what` is for example "UPDATE ON session".
    void refuse(const std::string& what) {
        ASSERT_TRUE(in_store([&](Storage& storage) {
            return storage.database().execute("CREATE TRIGGER refuse BEFORE " + what +
                                              " BEGIN SELECT RAISE(ABORT, 'refused'); END");
        }));
    }
    void refuse_no_longer() {
        ASSERT_TRUE(
            in_store([](Storage& storage) { return storage.database().execute("DROP TRIGGER refuse"); }));
    }

    /// Nothing is written, and nothing that was asked of the store goes on, until release().
    void block_store() {
        released_ = {};
        store_.post([released = released_.get_future().share()](Storage& /*storage*/) { released.wait(); });
    }
    void release() { released_.set_value(); }
    /// All that has been sent is taken as far as it can be.
    void settle() {
        while (io_.poll() > 0) {
        }
    }

    static std::string login(char digit) { return std::string(32, digit); }
    static boost::json::object token(const std::string& serial) {
        return {{"manufacturer", ""}, {"model", ""}, {"serial", serial}};
    }
    static boost::json::object result(char digit, std::uint64_t rv = 0) {
        return {{"type", "result"},
                {"request", 1},
                {"login", login(digit)},
                {"token", token("1")},
                {"claim", {{"executable", "/x"}, {"application", "x"}}},
                {"rv", rv},
                {"started_at", "2026-11-24T08:00:00Z"},
                {"late", false},
                {"uses", 0}};
    }
    static boost::json::object use(char digit, std::uint64_t uses) {
        return {{"type", "use"}, {"login", login(digit)}, {"uses", uses}};
    }
    static boost::json::object end(char digit, std::uint64_t uses = 0) {
        return {
            {"type", "end"}, {"request", 2}, {"login", login(digit)}, {"reason", "logout"}, {"uses", uses}};
    }
    static boost::json::object pin(const std::string& serial) {
        return {{"type", "pin"},          {"request", 3}, {"token", token(serial)},
                {"function", "C_SetPIN"}, {"rv", 0},      {"default_pin", true}};
    }

    boost::json::object answer(Client& client) {
        std::optional<boost::json::object> message;
        run_until([&] {
            message = client.receive();
            return message.has_value();
        });
        return message.value_or(boost::json::object());
    }
    boost::json::object call(Client& client, const boost::json::object& message) {
        client.send(message);
        return answer(client);
    }
    static std::string type(const boost::json::object& message) {
        return std::string(message.at("type").as_string());
    }
    static std::string code(const boost::json::object& message) {
        return type(message) == "error" ? std::string(message.at("code").as_string()) : type(message);
    }

    test::TemporaryFolder folder_;
    test::SetClock clock_;
    std::map<std::string, int> told_; ///< events, by type
    EventBus events_{clock_};
    asio::io_context io_{1};
    std::promise<void> released_;
    StoreThread store_{Storage::open(path("ukeyd.db"), clock_).value()};
    Configuration configuration_ = configure(path("probe.sock"));
    TrustStore trust_;
    std::unique_ptr<Channel> module_;
    KeyWatch keys_{{io_.get_executor(), clock_, configuration_, trust_, store_, events_, {}}};
    LoginServer logins_{{io_.get_executor(), clock_, configuration_, store_, keys_, events_}};
};

TEST_F(LoginServerTest, ProcessThatNeverReadItsAnswersLeavesNothingOpen) {
    Client client(path("login.sock"));
    EXPECT_EQ(code(call(client, result('a'))), "recorded");
    const std::string ends = encode_frame(end('f'));
    // Until the service itself is stuck with an answer, and takes nothing more.
    do {
        while (client.send(ends)) {
        }
        settle();
    } while (client.send(ends));
    EXPECT_EQ(logins_.open_sessions().size(), 1U);
    client.close();
    run_until([&] { return logins_.open_sessions().empty(); });
    EXPECT_EQ(session(login('a')).end_reason, EndReason::process_exit);
}

TEST_F(LoginServerTest, NothingIsWrittenAfterTheServiceHasStopped) {
    Client client(path("login.sock"));
    block_store();
    // An answer of its own parts them, so that they are several jobs of the store.
    client.send(result('a'));
    client.send(use('a', 1));
    client.send(result('b'));
    client.send(use('b', 1));
    settle();
    logins_.close();
    std::optional<Result<void>> stopped;
    asio::co_spawn(
        io_,
        [&]() -> asio::awaitable<void> {
            co_await logins_.end_all(EndReason::daemon_stopped);
            stopped = co_await store_.run([](Storage& storage) { return record_stop(storage); });
        },
        report_exception());
    release();
    run_until([&] { return stopped.has_value(); });
    settle();
    EXPECT_EQ(kinds().back(), "daemon.stopped");
    const auto open = in_store([](Storage& storage) {
        return list_sessions(storage,
                             {.month = {}, .key_id = {}, .organisation = {}, .open_only = true, .uid = {}});
    });
    EXPECT_TRUE(open.value().empty());
}

TEST_F(LoginServerTest, OnlyTheFirstUseIsWrittenAndTold) {
    Client client(path("login.sock"));
    call(client, result('a'));
    for (int repeated = 0; repeated < 3; ++repeated) {
        client.send(use('a', 0));
    }
    for (int repeated = 0; repeated < 3; ++repeated) {
        client.send(use('a', 1));
    }
    EXPECT_EQ(code(call(client, end('a', 2))), "recorded");
    EXPECT_EQ(told_["session.used"], 1);
    EXPECT_EQ(count("session.used"), 1);
    EXPECT_EQ(session(login('a')).uses, 2U);
}

TEST_F(LoginServerTest, EndsOfUnknownLoginsCountAsReports) {
    configuration_.login_reports_per_minute = 3;
    logins_.reconfigure();
    Client client(path("login.sock"));
    for (int report = 0; report < 3; ++report) {
        EXPECT_EQ(code(call(client, end('f'))), "recorded");
    }
    EXPECT_EQ(code(call(client, end('f'))), "login.rate_limited");
    clock_.uptime += 1min;
    EXPECT_EQ(code(call(client, result('a'))), "recorded");
    EXPECT_EQ(code(call(client, result('b'))), "recorded");
    EXPECT_EQ(code(call(client, end('a'))), "recorded");
    EXPECT_EQ(code(call(client, end('b'))), "recorded") << "the end of its own login is part of that";
    EXPECT_EQ(count("reports.limited"), 1);
}

TEST_F(LoginServerTest, EndThatCannotBeWrittenIsNotConfirmed) {
    Client client(path("login.sock"));
    call(client, result('a'));
    refuse("UPDATE ON session");
    client.send(use('a', 5));
    EXPECT_EQ(type(call(client, end('a', 5))), "error");
    EXPECT_EQ(type(call(client, end('a', 5))), "error") << "told again, and still not written";
    refuse_no_longer();
    EXPECT_EQ(code(call(client, end('a', 5))), "recorded");
    EXPECT_EQ(session(login('a')).end_reason, EndReason::logout);
    EXPECT_EQ(session(login('a')).uses, 5U);
}

TEST_F(LoginServerTest, WhatCouldNotBeWrittenIsInTheEndOfTheProcess) {
    Client client(path("login.sock"));
    call(client, result('a'));
    call(client, result('b'));
    refuse("UPDATE ON session");
    client.send(use('a', 5));
    EXPECT_EQ(type(call(client, end('b', 7))), "error");
    refuse_no_longer();
    client.close();
    run_until([&] { return logins_.open_sessions().empty(); });
    EXPECT_EQ(session(login('a')).end_reason, EndReason::process_exit);
    EXPECT_EQ(session(login('a')).uses, 5U) << "a use whose record failed";
    EXPECT_EQ(session(login('b')).end_reason, EndReason::logout) << "an end whose record failed";
    EXPECT_EQ(session(login('b')).uses, 7U);
}

TEST_F(LoginServerTest, KeyThatIsNotReadYetIsFoundInTheStore) {
    const auto known = in_store([](Storage& storage) {
        return record_insertion(storage, {.identity = {"", "", "1"},
                                          .label = {},
                                          .module = {},
                                          .slot_description = {},
                                          .certificate = {},
                                          .present_key_ids = {}});
    });
    Client client(path("login.sock"));
    EXPECT_EQ(code(call(client, result('a'))), "recorded");
    EXPECT_EQ(session(login('a')).key_id, known.value().key_id);
    EXPECT_EQ(code(call(client, pin("1"))), "recorded");
    EXPECT_EQ(count("pin.state"), 1);
    plug(1, {}); // from now on it is known that it is not in
    EXPECT_EQ(code(call(client, result('b'))), "recorded");
    EXPECT_EQ(session(login('b')).key_id, "");
    EXPECT_EQ(code(call(client, pin("1"))), "key.not_read") << "not confirmed, as it is not written";
    EXPECT_EQ(count("pin.state"), 1);
}

TEST_F(LoginServerTest, KeyThatGoesWhileItsLoginIsWrittenEndsIt) {
    plug(1, {"1"});
    Client client(path("login.sock"));
    block_store();
    client.send(result('a'));
    settle(); // it is with the store, and belongs to a key that is in
    const boost::json::object none{
        {"type", "slots"}, {"answer_to", nullptr}, {"slots", boost::json::array()}};
    asio::co_spawn(
        io_, [&]() -> asio::awaitable<void> { co_await module_->send(none); }, report_exception());
    run_until([&] { return keys_.keys().empty(); });
    release();
    EXPECT_EQ(code(answer(client)), "recorded");
    EXPECT_EQ(session(login('a')).end_reason, EndReason::key_removed);
    EXPECT_TRUE(logins_.open_sessions().empty());
}

TEST_F(LoginServerTest, NumberOfReportsLeftOutIsKeptUntilItIsWritten) {
    configuration_.login_reports_per_minute = 1;
    logins_.reconfigure();
    Client client(path("login.sock"));
    call(client, result('a', rv_pin_incorrect));
    EXPECT_EQ(code(call(client, result('b', rv_pin_incorrect))), "login.rate_limited");
    clock_.uptime += 1min;
    refuse("INSERT ON ledger");
    call(client, result('c', rv_pin_incorrect));
    refuse_no_longer();
    EXPECT_EQ(count("reports.limited"), 0);
    clock_.uptime += 1min;
    call(client, result('d', rv_pin_incorrect));
    EXPECT_EQ(count("reports.limited"), 1);
}

} // namespace
} // namespace ukey
