// SPDX-License-Identifier: Apache-2.0
#include "daemon/channel.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>

namespace ukey {

namespace asio = boost::asio;

namespace {

/// Who connects meanwhile waits in the kernel; a filter waits 200 ms for an answer.
constexpr std::chrono::milliseconds accept_pause{100};

struct Received {
    ssize_t count = -1;
    bool may_try_again = false;
    pid_t sender = 0;
};

/// The kernel never joins what two processes sent into one read (unix(7), SCM_CREDENTIALS). There is no room
/// for descriptors: such as are sent are closed at once.
Received receive_from(int socket, asio::mutable_buffer buffer) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    iovec bytes{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    Received received;
    received.count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    received.may_try_again = received.count < 0 && (errno == EAGAIN || errno == EINTR);
    const cmsghdr* header = received.count > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
        ucred credentials{};
        std::memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
        received.sender = credentials.pid;
    }
    return received;
}

} // namespace

asio::awaitable<Result<std::optional<boost::json::object>>> Channel::receive() {
    std::array<char, 16384> buffer; // NOLINT: filled by the read
    for (;;) {
        auto message = decoder_.next();
        if (!message || *message) {
            co_return message;
        }
        boost::system::error_code error;
        co_await socket_.async_wait(LocalSocket::wait_read, asio::redirect_error(asio::use_awaitable, error));
        const Received received =
            error ? Received() : receive_from(socket_.native_handle(), asio::buffer(buffer));
        if (received.may_try_again) {
            continue;
        }
        if (received.count <= 0) {
            co_return std::nullopt;
        }
        // 0: sent before the listening socket asked for credentials, that is to an older service's.
        if (only_from_ && received.sender != 0 && received.sender != *only_from_) {
            co_return fail("frame.foreign_sender", "receive a message", std::to_string(received.sender),
                           "sent by another process than the one that connected");
        }
        decoder_.append(std::string_view(buffer.data(), static_cast<std::size_t>(received.count)));
    }
}

asio::awaitable<bool> Channel::send(const boost::json::object& message) {
    if (gone_) {
        co_return false; // after a write that failed Asio would wait for an edge that never comes (epoll(7))
    }
    const std::string frame = encode_frame(message);
    boost::system::error_code error;
    co_await asio::async_write(socket_, asio::buffer(frame),
                               asio::redirect_error(asio::use_awaitable, error));
    gone_ = gone_ || error;
    co_return !gone_;
}

void Channel::shut_down() {
    boost::system::error_code ignored; // the peer may have gone
    socket_.shutdown(LocalSocket::shutdown_both, ignored);
}

void Channel::close() {
    boost::system::error_code ignored; // closing what is closed already is no failure
    socket_.close(ignored);
}

asio::awaitable<std::optional<LocalSocket>> Listener::accept() {
    while (acceptor_.is_open()) {
        boost::system::error_code error;
        LocalSocket socket =
            co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (!error) {
            failing_ = false;
            co_return socket;
        }
        if (error == asio::error::operation_aborted) {
            break;
        }
        if (!std::exchange(failing_, true)) {
            spdlog::error("{}: no connection can be accepted: {}", channel_, error.message());
        }
        pause_.expires_after(accept_pause);
        boost::system::error_code closed;
        co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, closed));
    }
    co_return std::nullopt;
}

void Listener::close() {
    boost::system::error_code ignored; // closing what is closed already is no failure
    acceptor_.close(ignored);
    pause_.cancel();
}

boost::system::error_code ask_for_credentials(int listening_socket) {
    const int yes = 1;
    boost::system::error_code error;
    if (setsockopt(listening_socket, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) {
        error.assign(errno, boost::system::generic_category());
    }
    return error;
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
        error = ask_for_credentials(acceptor.native_handle());
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
