// SPDX-License-Identifier: Apache-2.0
// One process on the login channel.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "daemon/channel.hpp"
#include "daemon/login/challenges.hpp"
#include "daemon/login/login_message.hpp"
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

  private:
    boost::asio::awaitable<void> watch_process();
    boost::asio::awaitable<void> receive_all();
    boost::asio::awaitable<bool> handle(LoginMessage message);
    boost::asio::awaitable<bool> handle_one(AskMessage message);
    boost::asio::awaitable<bool> handle_one(ResultMessage message);
    boost::asio::awaitable<bool> handle_one(UseMessage message);
    boost::asio::awaitable<bool> handle_one(EndMessage message);
    boost::asio::awaitable<bool> handle_one(PinMessage message);

    boost::asio::awaitable<bool> within_limit();
    boost::asio::awaitable<bool> admit_report(std::int64_t request);
    boost::asio::awaitable<void> record_coverage_gaps(const AskMessage& message);
    boost::asio::awaitable<void> add_challenge(boost::json::object& reply, const AskMessage& message);
    void judge_attestation(LoginSession& session, const ResultMessage& message);
    boost::asio::awaitable<void> record_refused_report(const RefusedReport& report);
    boost::asio::awaitable<void> name_absent_key(LoginSession& session, KeyIdentity token);
    boost::asio::awaitable<bool> answer(std::int64_t request, const std::string& login,
                                        const Result<void>& done);
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
