// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_server.hpp"

#include <unistd.h>

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
constexpr std::ptrdiff_t connections_per_user_max = 128;

} // namespace

LoginServer::LoginServer(Parts parts)
    : parts_(std::move(parts)), rate_limit_(parts_.configuration.login_reports_per_minute) {}

LoginServer::~LoginServer() = default;

asio::awaitable<void> LoginServer::serve(LocalAcceptor acceptor) {
    acceptor_.emplace(std::move(acceptor));
    while (acceptor_->is_open()) {
        boost::system::error_code error;
        LocalSocket socket =
            co_await acceptor_->async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted) {
            co_return;
        }
        if (error || connections_.size() >= connections_max) {
            spdlog::warn("login channel: a connection was turned away: {}",
                         error ? error.message() : "too many");
            continue;
        }
        auto peer = read_peer(socket.native_handle());
        const auto pidfd = peer ? open_pidfd(peer->pid) : Result<int>(tl::unexpected(peer.error()));
        if (!pidfd) {
            spdlog::warn("login channel: {}", to_string(pidfd.error()));
            continue;
        }
        const auto same_user = std::ranges::count(connections_, peer->uid, &LoginConnection::uid);
        if (same_user >= connections_per_user_max) {
            spdlog::warn("login channel: uid {} has too many connections; one was turned away", peer->uid);
            if (*pidfd >= 0) {
                ::close(*pidfd);
            }
            continue;
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
}

void LoginServer::close() {
    closed_ = true;
    if (acceptor_) {
        boost::system::error_code ignored; // closing what is closed already is no failure
        acceptor_->close(ignored);
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

asio::awaitable<void> LoginServer::start(LoginSession session, KeyIdentity token) {
    const std::string key_id = session.key_id;
    users_.insert({session.uid, key_id});
    parts_.keys.hold(key_id, true);
    open_.insert_or_assign(session.login, session);
    parts_.events.publish("session.started", session.login, {{"login", session.login}});
    const PresentKey* key = parts_.keys.find(token);
    const bool pin_is_news = key != nullptr && session.default_pin && session.default_pin != key->pin_default;
    if (pin_is_news || session.attestation.contains("duration_us")) {
        co_await parts_.keys.reload(key_id);
    }
}

asio::awaitable<void> LoginServer::end(std::string login, SessionEnd how) {
    const auto ended = co_await parts_.store.run_together(
        [&](Storage& storage) { return end_session(storage, login, how); });
    note_write(ended ? nullptr : &ended.error());
    settle_end(login, how, ended.has_value());
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
    std::vector<std::string> logins;
    for (const auto& [login, session] : open_) {
        if (session.key_id == key_id) {
            logins.push_back(login);
        }
    }
    for (const std::string& login : logins) {
        std::optional<std::uint64_t> uses;
        if (const auto open = open_.find(login); open != open_.end()) {
            uses = open->second.uses;
        }
        const SessionEnd how{reason, parts_.clock.now(), uses};
        co_await end(login, how);
    }
}

asio::awaitable<void> LoginServer::record_left_out(std::map<std::uint32_t, std::uint64_t> left_out) {
    for (const auto& entry : left_out) {
        const auto done = co_await parts_.store.run_together(
            [&](Storage& storage) { return record_limited_reports(storage, entry.first, entry.second); });
        note_write(done ? nullptr : &done.error());
    }
}

asio::awaitable<void> LoginServer::catch_up() {
    co_await record_left_out(rate_limit_.take_left_out(parts_.clock.boottime()));
    const std::map<std::string, SessionEnd> ends = unwritten_ends_;
    for (const auto& [login, how] : ends) {
        co_await end(login, how);
    }
}

asio::awaitable<void> LoginServer::end_all(EndReason reason) {
    co_await record_left_out(rate_limit_.take_left_out(std::nullopt));
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
