// SPDX-License-Identifier: Apache-2.0
// One process on the login channel.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "daemon/channel.hpp"
#include "daemon/login/challenges.hpp"
#include "daemon/login/login_message.hpp"
#include "daemon/login/login_report.hpp"
#include "daemon/login/login_server.hpp"
#include "daemon/peer.hpp"

namespace ukey {

class LoginConnection : public std::enable_shared_from_this<LoginConnection> {
  public:
    LoginConnection(LoginServer& server, LocalSocket socket, Peer peer,
                    boost::asio::posix::stream_descriptor process);

    /// Until the end of the connection or of the process; its open sessions are ended then.
    boost::asio::awaitable<void> serve();
    void close();
    std::uint32_t uid() const { return peer_.uid; }
    bool has_logins() const { return !logins_.empty(); }

  private:
    boost::asio::awaitable<void> watch_process();
    boost::asio::awaitable<void> receive_all();
    /// What has come together; the connection is over after it when there is an error or nothing.
    struct Arrivals {
        std::vector<LoginMessage> messages;
        std::optional<Error> error;
    };
    boost::asio::awaitable<Arrivals> receive_arrivals();
    void add_arrival(Arrivals& arrivals, Result<std::optional<boost::json::object>> message) const;
    boost::asio::awaitable<bool> handle_all(std::vector<LoginMessage> messages);
    boost::asio::awaitable<void> handle_one(AskMessage message);
    boost::asio::awaitable<void> handle_one(UseMessage message);
    boost::asio::awaitable<void> handle_one(PinMessage message);

    /// A report goes three ways: it is prepared here, written with those beside it by the store, and what
    /// follows from it is done here again.
    boost::asio::awaitable<LoginReport> prepare(ResultMessage message);
    boost::asio::awaitable<LoginReport> prepare(EndMessage message, bool being_told);
    bool is_being_told(const std::string& login, const std::vector<LoginReport>& reports) const;
    boost::asio::awaitable<void> record(std::vector<LoginReport> reports);
    boost::asio::awaitable<void> follow_up(const LoginReport& report);
    boost::asio::awaitable<void> answer(const LoginReport& report);
    bool has_too_many_logins(const std::vector<LoginReport>& reports) const;

    boost::asio::awaitable<void> refuse(const LoginSession& attempt);
    boost::asio::awaitable<Result<void>> record_pin(std::string key_id, PinMessage message);
    boost::asio::awaitable<bool> within_limit();
    boost::asio::awaitable<void> record_coverage_gaps(const AskMessage& message);
    boost::asio::awaitable<void> add_challenge(boost::json::object& reply, const AskMessage& message);
    void judge_attestation(LoginSession& session, const ResultMessage& message);
    boost::asio::awaitable<void> record_refused_report(const RefusedReport& report);
    std::string module_path(const PresentKey& key) const;
    LoginSession describe(const KeyIdentity& token, const LoginClaim& claim) const;

    LoginServer& server_;
    Channel channel_;
    Peer peer_;
    boost::asio::posix::stream_descriptor process_;
    std::set<std::string> logins_;
    /// Logins whose beginning could not be written, by id; the filter tells them again.
    std::map<std::string, Error> unwritten_;
    Challenges challenges_;
    bool foreign_sender_ = false;
};

} // namespace ukey
