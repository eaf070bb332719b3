// SPDX-License-Identifier: Apache-2.0
// One connection of a local channel, as coroutines: frames in, frames out.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include "daemon/core/frame.hpp"

namespace ukey {

using LocalSocket = boost::asio::local::stream_protocol::socket;
using LocalAcceptor = boost::asio::local::stream_protocol::acceptor;

/// The I/O thread's. A connection is used by one coroutine at a time for reading and one for writing.
class Channel {
  public:
    Channel(LocalSocket socket, std::size_t frame_max_bytes)
        : socket_(std::move(socket)), decoder_(frame_max_bytes) {}

    /// From now on bytes that another process sends (a forked child with a copy of the descriptor) are the
    /// error `frame.foreign_sender`. The listening socket must have been prepared by ask_for_credentials().
    void accept_only_from(pid_t process) { only_from_ = process; }

    /// The next message; nullopt at the end of the connection; a frame error when the peer broke the rules.
    boost::asio::awaitable<Result<std::optional<boost::json::object>>> receive();

    /// What receive() would answer at once from the bytes that have come already; nullopt when there is no
    /// whole message among them.
    Result<std::optional<boost::json::object>> take_received() { return decoder_.next(); }

    /// False when the peer is gone; then at once for every later message too.
    boost::asio::awaitable<bool> send(const boost::json::object& message);

    /// From here on nothing more goes either way, and a send() that waits returns; what the peer has sent is
    /// still received, then the end.
    void shut_down();

    /// Ends reading and writing; what waits in receive() or send() returns.
    void close();

    LocalSocket& socket() { return socket_; }

  private:
    LocalSocket socket_;
    std::optional<pid_t> only_from_;
    FrameDecoder decoder_;
    bool gone_ = false;
};

/// A listening socket of a local channel. The I/O thread's.
class Listener {
  public:
    /// `channel` is its name in the log.
    Listener(LocalAcceptor acceptor, std::string channel)
        : acceptor_(std::move(acceptor)), pause_(acceptor_.get_executor()), channel_(std::move(channel)) {}

    /// The next connection; nullopt once it is closed. While none can be had, because this process has no
    /// descriptor left for one, it tries again after a pause; the log has one line for all of these tries.
    boost::asio::awaitable<std::optional<LocalSocket>> accept();

    void close();

  private:
    LocalAcceptor acceptor_;
    boost::asio::steady_timer pause_;
    std::string channel_;
    bool failing_ = false;
};

/// Has the kernel say with each message who sent it (SO_PASSCRED, unix(7)); connections inherit it. To be
/// called before listen(): what is sent earlier has no sender.
boost::system::error_code ask_for_credentials(int listening_socket);

/// Listens on `path` with mode 0666: who may do what is decided per message, by the peer's credentials. A
/// stale socket file is replaced, one that a running service listens on is not. Error `state.unusable`.
Result<LocalAcceptor> listen_local(const boost::asio::any_io_executor& executor, const std::string& path);

} // namespace ukey
