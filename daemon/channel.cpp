// SPDX-License-Identifier: Apache-2.0
#include "daemon/channel.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace ukey {

namespace asio = boost::asio;

asio::awaitable<Result<std::optional<boost::json::object>>> Channel::receive() {
    std::array<char, 8192> buffer; // NOLINT: filled by the read
    for (;;) {
        auto message = decoder_.next();
        if (!message || *message) {
            co_return message;
        }
        boost::system::error_code error;
        const std::size_t count = co_await socket_.async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            co_return std::nullopt;
        }
        decoder_.append(std::string_view(buffer.data(), count));
    }
}

asio::awaitable<bool> Channel::send(const boost::json::object& message) {
    const std::string frame = encode_frame(message);
    boost::system::error_code error;
    co_await asio::async_write(socket_, asio::buffer(frame),
                               asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
}

void Channel::finish_receiving() {
    boost::system::error_code ignored; // the peer may have gone
    socket_.shutdown(LocalSocket::shutdown_receive, ignored);
}

void Channel::close() {
    boost::system::error_code ignored; // closing what is closed already is no failure
    socket_.close(ignored);
}

Result<LocalAcceptor> listen_local(const asio::any_io_executor& executor, const std::string& path) {
    boost::system::error_code error;
    const asio::local::stream_protocol::endpoint endpoint(path);
    {
        LocalSocket probe(executor);
        probe.connect(endpoint, error);
        if (!error) {
            return fail("state.unusable", "listen", path, "another ukeyd is running here");
        }
    }
    ::unlink(path.c_str()); // left by a service that was killed; when it is not there, so much the better
    LocalAcceptor acceptor(executor);
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error && ::chmod(path.c_str(), 0666) != 0) {
        error.assign(errno, boost::system::generic_category());
    }
    if (!error) {
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        return fail("state.unusable", "listen", path, error.message());
    }
    return acceptor;
}

} // namespace ukey
