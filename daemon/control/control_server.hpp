// SPDX-License-Identifier: Apache-2.0
// The control channel: ukeyctl's requests, one pipeline for all: frame → verb → privilege → handler.
#pragma once

#include <memory>
#include <optional>
#include <set>

#include "daemon/channel.hpp"
#include "daemon/control/control_context.hpp"

namespace ukey {

class ControlServer {
  public:
    /// Members of `operators` may operate; nullopt: only root may.
    ControlServer(boost::asio::any_io_executor executor, ControlContext& context,
                  std::optional<gid_t> operators);

    /// Accepts until close().
    boost::asio::awaitable<void> serve(LocalAcceptor acceptor);
    void close();

    /// From the next connection on; names of users are asked for anew too.
    void set_operators(std::optional<gid_t> operators);

  private:
    struct Connection;
    void admit(LocalSocket socket);
    boost::asio::awaitable<void> serve_one(std::shared_ptr<Connection> connection);
    boost::asio::awaitable<bool> answer(Connection& connection, const boost::json::object& message);
    boost::asio::awaitable<ControlAnswer> dispatch(Connection& connection,
                                                   const boost::json::object& message);

    boost::asio::any_io_executor executor_;
    ControlContext& context_;
    std::optional<gid_t> operators_;
    std::optional<Listener> listener_;
    std::set<std::shared_ptr<Connection>> connections_;
};

} // namespace ukey
