// SPDX-License-Identifier: Apache-2.0
// The reader that the card is put into, wherever it is: vpcd's or QEMU's. Everything in one thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "tests/card/virtual_ukey/card/piv_card.hpp"
#include "tests/card/virtual_ukey/link/signal.hpp"

namespace ukey::virtual_card {

/// Where the reader listens: a TCP host and port, or a unix socket when `unix_path` is set.
struct ReaderAddress {
    std::string host;
    std::string port;
    std::string unix_path;
};

/// "HOST:PORT" or "unix:PATH"; nothing when it is neither.
std::optional<ReaderAddress> parse_reader_address(std::string_view text);

class Reader {
  public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    Reader(boost::asio::io_context& context, PivCard& card, ReaderAddress address);
    virtual ~Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// Serves the card until `stop`; connects, and connects again with back-off when the peer goes away.
    boost::asio::awaitable<void> run();
    void stop();

    void insert();
    void remove();
    /// Waits until the other side has the card (true) or the time is up.
    boost::asio::awaitable<bool> wait_inserted(std::chrono::milliseconds timeout);
    /// Waits until the other side knows that the card is out (true) or the time is up.
    boost::asio::awaitable<bool> wait_removed(std::chrono::milliseconds timeout);

    /// Meant to be in the reader.
    bool inserted() const { return inserted_; }
    /// The other side has it.
    bool present() const { return present_; }
    bool connected() const { return socket_.is_open(); }

  protected:
    /// Speaks the protocol on a fresh connection until it ends.
    virtual boost::asio::awaitable<void> serve() = 0;
    /// Is there any use in a connection now?
    virtual bool wants_connection() const = 0;
    /// `inserted()` has changed.
    virtual void inserted_changed() = 0;

    boost::asio::awaitable<bool> read_exactly(std::span<std::uint8_t> buffer);
    boost::asio::awaitable<bool> write_all(ByteView bytes);
    /// Hands a command to the card and waits as long as the card is slow. Nothing when it was pulled out.
    boost::asio::awaitable<std::optional<Bytes>> transmit(ByteView apdu);
    void set_present(bool present);
    void close();
    bool stopped() const { return stopped_; }
    Socket& socket() { return socket_; }
    PivCard& card() { return card_; }

  private:
    boost::asio::awaitable<bool> connect();
    boost::asio::awaitable<bool> wait_present(bool present, std::chrono::milliseconds timeout);
    boost::asio::awaitable<void> pause(std::chrono::milliseconds duration);

    PivCard& card_;
    ReaderAddress address_;
    Socket socket_;
    boost::asio::steady_timer pause_timer_;
    Signal changed_;
    bool inserted_ = false;
    /// Tells one stay in the reader from the next.
    std::uint64_t insertions_ = 0;
    bool present_ = false;
    bool stopped_ = false;
    /// The peer has spoken on this connection.
    bool heard_ = false;
};

} // namespace ukey::virtual_card
