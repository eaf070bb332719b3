// SPDX-License-Identifier: Apache-2.0
// The login channel: applications' filters ask whether a key may log in, and tell what happened.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "daemon/channel.hpp"
#include "daemon/core/session.hpp"
#include "daemon/event_bus.hpp"
#include "daemon/keys/key_watch.hpp"
#include "daemon/login/coverage_watch.hpp"
#include "daemon/login/login_report.hpp"
#include "daemon/login/rate_limit.hpp"
#include "daemon/store/session_store.hpp"
#include "daemon/store/store_thread.hpp"

namespace ukey {

class LoginConnection;

/// I/O thread only. Knows which sessions are open and ends them: told by the filter, by the end of the
/// process, by the key's removal or by the daemon's own stop. Publishes session.started, session.used,
/// session.ended, login.refused.
class LoginServer {
  public:
    struct Parts {
        boost::asio::any_io_executor executor;
        const Clock& clock;
        const Configuration& configuration;
        StoreThread& store;
        KeyWatch& keys;
        EventBus& events;
    };

    explicit LoginServer(Parts parts);
    ~LoginServer();
    LoginServer(const LoginServer&) = delete; // its connections keep its address
    LoginServer& operator=(const LoginServer&) = delete;
    LoginServer(LoginServer&&) = delete;
    LoginServer& operator=(LoginServer&&) = delete;

    /// Accepts until close().
    boost::asio::awaitable<void> serve(LocalAcceptor acceptor);
    /// No more connections or reports; the open sessions stay open in the store until end_all(). From here on
    /// nothing else is written.
    void close();

    /// The configuration has changed.
    void reconfigure() { rate_limit_.set_limit(parts_.configuration.login_reports_per_minute); }

    boost::asio::awaitable<void> end_sessions_of_key(std::string key_id, EndReason reason);
    boost::asio::awaitable<void> end_all(EndReason reason);
    /// Writes the ends that could not be written when they happened (a full disk), and how many reports were
    /// left out in minutes that are over.
    boost::asio::awaitable<void> catch_up();

    /// By login id.
    const std::map<std::string, LoginSession>& open_sessions() const { return open_; }
    std::size_t open_sessions_of(const std::string& key_id) const;
    /// Who has logged in with a key since the daemon started.
    bool has_used(std::uint32_t uid, const std::string& key_id) const {
        return users_.contains({uid, key_id});
    }

    /// A person lets the next login of that user with that key be tried although a wrong PIN would be the
    /// last: once, for some minutes.
    void allow_last_try(std::uint32_t uid, const std::string& key_id);

    /// The last failure to write the ledger; nullopt once a write has succeeded again.
    const std::optional<Finding>& write_failure() const { return write_failure_; }

  private:
    friend class LoginConnection;

    void admit(LocalSocket socket);
    bool make_room_for(std::uint32_t uid);
    boost::asio::awaitable<void> start(ToldLogin told);
    boost::asio::awaitable<void> end(std::string login, SessionEnd how);
    /// What is known of the end of an open session that has no word of its own from the filter.
    SessionEnd how_it_ends(const std::string& login, EndReason reason) const;
    /// What follows from an end that was written, or could not be.
    void settle_end(const std::string& login, const SessionEnd& how, bool written);
    boost::asio::awaitable<void> record_left_out(std::uint32_t uid, std::uint64_t left_out);
    bool take_last_try(std::uint32_t uid, const std::string& key_id);
    void note_write(const Error* error);

    /// Has the store write what `job` says. Fails once the server is closed: only end_all() writes then.
    template <typename Job>
    boost::asio::awaitable<std::invoke_result_t<Job&, Storage&>> write(Job job) {
        if (closed_) {
            co_return fail("state.unusable", "write the ledger", "", "the service is stopping");
        }
        auto done = co_await parts_.store.run_together(std::move(job));
        note_write(done ? nullptr : &done.error());
        co_return done;
    }

    Parts parts_;
    std::optional<Listener> listener_;
    std::map<std::string, LoginSession> open_;
    /// Of sessions in open_, by login id.
    std::map<std::string, SessionEnd> unwritten_ends_;
    std::set<std::pair<std::uint32_t, std::string>> users_;
    std::set<LoginConnection*> connections_;
    RateLimit rate_limit_;
    CoverageWatch coverage_;
    /// When it was allowed: uptime.
    std::map<std::pair<std::uint32_t, std::string>, std::chrono::microseconds> last_tries_;
    std::optional<Finding> write_failure_;
    bool closed_ = false;
};

} // namespace ukey
