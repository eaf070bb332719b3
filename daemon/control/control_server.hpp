// SPDX-License-Identifier: Apache-2.0
// The control channel: ukeyctl's requests, one pipeline for all: frame → verb → privilege → handler.
#pragma once

#include <memory>
#include <set>

#include "daemon/channel.hpp"
#include "daemon/control/control_context.hpp"

namespace ukey {

class ControlServer {
  public:
    ControlServer(boost::asio::any_io_executor executor, ControlContext& context);

    /// Accepts until close().
    boost::asio::awaitable<void> serve(LocalAcceptor acceptor);
    void close();

  private:
    struct Connection;
    boost::asio::awaitable<void> serve_one(std::shared_ptr<Connection> connection);
    boost::asio::awaitable<bool> answer(Connection& connection, const boost::json::object& message);
    boost::asio::awaitable<ControlAnswer> dispatch(Connection& connection,
                                                   const boost::json::object& message);

    boost::asio::any_io_executor executor_;
    ControlContext& context_;
    std::optional<LocalAcceptor> acceptor_;
    std::set<std::shared_ptr<Connection>> connections_;
};

} // namespace ukey
