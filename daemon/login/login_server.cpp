// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_server.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "daemon/login/login_connection.hpp"
#include "daemon/report_exception.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// Processes with a login on one workstation are some dozens; each connection is a descriptor and some KiB.
constexpr std::size_t connections_max = 512;
/// A person who allows the last try starts the program next.
constexpr std::chrono::minutes last_try_lifetime{5};
/// Of one user: nobody keeps the others out.
constexpr std::size_t connections_per_user_max = 128;

} // namespace

LoginServer::LoginServer(Parts parts)
    : parts_(std::move(parts)), rate_limit_(parts_.configuration.login_reports_per_minute) {}

LoginServer::~LoginServer() = default;

asio::awaitable<void> LoginServer::serve(LocalAcceptor acceptor) {
    listener_.emplace(std::move(acceptor), "login channel");
    for (;;) {
        auto socket = co_await listener_->accept();
        if (!socket || closed_) {
            co_return;
        }
        admit(std::move(*socket));
    }
}

void LoginServer::admit(LocalSocket socket) {
    auto peer = read_peer(socket.native_handle());
    if (!peer) {
        spdlog::warn("login channel: {}", to_string(peer.error()));
        return;
    }
    if (!make_room_for(peer->uid)) {
        spdlog::warn("login channel: a connection of uid {} was turned away: too many", peer->uid);
        return;
    }
    const auto pidfd = open_pidfd(peer->pid);
    if (!pidfd) {
        spdlog::warn("login channel: {}", to_string(pidfd.error()));
        return;
    }
    asio::posix::stream_descriptor process(parts_.executor);
    if (*pidfd >= 0) {
        process.assign(*pidfd);
    }
    auto connection =
        std::make_shared<LoginConnection>(*this, std::move(socket), std::move(*peer), std::move(process));
    asio::co_spawn(
        parts_.executor, [connection]() -> asio::awaitable<void> { co_await connection->serve(); },
        report_exception());
}

/// False when this user's connection is to be turned away. When all places are taken, the user who has the
/// most gives one up, rather one without a login.
bool LoginServer::make_room_for(std::uint32_t uid) {
    std::map<std::uint32_t, std::size_t> taken{{uid, 0}};
    for (const LoginConnection* connection : connections_) {
        ++taken[connection->uid()];
    }
    const std::size_t own = taken[uid];
    if (connections_.size() < connections_max || own >= connections_per_user_max) {
        return own < connections_per_user_max;
    }
    const auto most = std::ranges::max_element(taken, {}, [](const auto& user) { return user.second; });
    if (most->second <= own + 1) {
        return false;
    }
    const auto rank = [&](const LoginConnection* connection) {
        return connection->uid() != most->first ? 2 : connection->has_logins() ? 1 : 0;
    };
    LoginConnection* gives_way = *std::ranges::min_element(connections_, {}, rank);
    connections_.erase(gives_way);
    gives_way->close();
    return true;
}

void LoginServer::close() {
    closed_ = true;
    if (listener_) {
        listener_->close();
    }
    const std::set<LoginConnection*> connections = connections_;
    for (LoginConnection* connection : connections) {
        connection->close();
    }
}

std::size_t LoginServer::open_sessions_of(const std::string& key_id) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(open_, [&](const auto& entry) { return entry.second.key_id == key_id; }));
}

asio::awaitable<void> LoginServer::start(ToldLogin told) {
    const LoginSession& session = told.session;
    const std::string key_id = session.key_id;
    const std::string login = session.login;
    users_.insert({session.uid, key_id});
    parts_.keys.hold(key_id, true);
    open_.insert_or_assign(login, session);
    parts_.events.publish("session.started", login, {{"login", login}});
    const PresentKey* key = parts_.keys.find(told.token);
    if (told.key_inserted && (key == nullptr || key->inserted != *told.key_inserted)) {
        // Pulled out while the login was being written: the removal found no session of it to end.
        const SessionEnd how = how_it_ends(login, EndReason::key_removed);
        co_await end(login, how);
        co_return;
    }
    const bool pin_is_news = key != nullptr && session.default_pin && session.default_pin != key->pin_default;
    if (pin_is_news || session.attestation.contains("duration_us")) {
        co_await parts_.keys.reload(key_id);
    }
}

asio::awaitable<void> LoginServer::end(std::string login, SessionEnd how) {
    const auto ended = co_await write([&](Storage& storage) { return end_session(storage, login, how); });
    settle_end(login, how, ended.has_value());
}

SessionEnd LoginServer::how_it_ends(const std::string& login, EndReason reason) const {
    if (const auto told = unwritten_ends_.find(login); told != unwritten_ends_.end()) {
        return told->second;
    }
    const auto open = open_.find(login);
    return {reason, parts_.clock.now(),
            open == open_.end() ? std::nullopt : std::optional(open->second.uses)};
}

void LoginServer::settle_end(const std::string& login, const SessionEnd& how, bool written) {
    if (!written) {
        unwritten_ends_.insert({login, how});
        return;
    }
    unwritten_ends_.erase(login);
    const auto open = open_.find(login);
    if (open == open_.end()) {
        return;
    }
    const std::string key_id = open->second.key_id;
    open->second.ended = how.time; // those who are told below look at it here
    open->second.end_reason = how.reason;
    open->second.uses = std::max(open->second.uses, how.uses.value_or(0));
    parts_.events.publish("session.ended", login, {{"login", login}});
    open_.erase(open);
    if (open_sessions_of(key_id) == 0) {
        parts_.keys.hold(key_id, false);
    }
}

void LoginServer::allow_last_try(std::uint32_t uid, const std::string& key_id) {
    last_tries_[{uid, key_id}] = parts_.clock.boottime();
}

bool LoginServer::take_last_try(std::uint32_t uid, const std::string& key_id) {
    const auto allowed = last_tries_.extract({uid, key_id});
    return !allowed.empty() && parts_.clock.boottime() - allowed.mapped() < last_try_lifetime;
}

asio::awaitable<void> LoginServer::end_sessions_of_key(std::string key_id, EndReason reason) {
    coverage_.forget(key_id);
    std::set<std::string> ended;
    for (;;) { // one may begin while another is being ended
        const auto next = std::ranges::find_if(open_, [&](const auto& entry) {
            return entry.second.key_id == key_id && !ended.contains(entry.first);
        });
        if (next == open_.end()) {
            co_return;
        }
        const std::string login = *ended.insert(next->first).first;
        const SessionEnd how = how_it_ends(login, reason);
        co_await end(login, how);
    }
}

asio::awaitable<void> LoginServer::record_left_out(std::uint32_t uid, std::uint64_t left_out) {
    const auto done = co_await parts_.store.run_together(
        [&](Storage& storage) { return record_limited_reports(storage, uid, left_out); });
    note_write(done ? nullptr : &done.error());
    if (!done) {
        rate_limit_.put_back(uid, left_out);
    }
}

asio::awaitable<void> LoginServer::catch_up() {
    const std::map<std::uint32_t, std::uint64_t> left_out =
        rate_limit_.take_left_out(parts_.clock.boottime());
    for (const auto& entry : left_out) {
        co_await record_left_out(entry.first, entry.second);
    }
    const std::map<std::string, SessionEnd> ends = unwritten_ends_;
    for (const auto& [login, how] : ends) {
        co_await end(login, how);
    }
}

asio::awaitable<void> LoginServer::end_all(EndReason reason) {
    const std::map<std::uint32_t, std::uint64_t> left_out = rate_limit_.take_left_out(std::nullopt);
    for (const auto& entry : left_out) {
        co_await record_left_out(entry.first, entry.second);
    }
    const auto ended = co_await parts_.store.run_together(
        [&](Storage& storage) { return end_open_sessions(storage, reason); });
    note_write(ended ? nullptr : &ended.error());
    open_.clear();
    unwritten_ends_.clear(); // the store has ended them, or the next start will
}

void LoginServer::note_write(const Error* error) {
    if (error == nullptr) {
        write_failure_.reset();
        return;
    }
    if (!write_failure_) {
        spdlog::error("the ledger cannot be written: {}", to_string(*error));
    }
    write_failure_ =
        Finding{"ledger.write_failed", "ledger", {{"object", error->object}, {"reason", error->reason}}};
}

} // namespace ukey
