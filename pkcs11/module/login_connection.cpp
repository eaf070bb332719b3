// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkcs11/module/bounds.hpp"
#include "pkcs11/module/configuration.hpp"

namespace ukey::filter {
namespace {

/// Rounded up, so that a poll doesn't return just before the deadline and spin.
int milliseconds_until(Deadline deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<decltype(left_ms)>(left_ms, 0, login_wait_max.count()));
}

/// Programs write to 0, 1 and 2 without asking what is there, also such as have closed them.
int open_socket() {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || descriptor > STDERR_FILENO) {
        return descriptor;
    }
    const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    ::close(descriptor);
    return moved;
}

void bound_waiting(int descriptor, Deadline deadline) {
    const auto left = std::max<std::chrono::steady_clock::duration>(
        deadline - std::chrono::steady_clock::now(), std::chrono::milliseconds(1));
    const auto left_us = std::chrono::duration_cast<std::chrono::microseconds>(left).count();
    const timeval time_out{.tv_sec = left_us / 1'000'000, .tv_usec = left_us % 1'000'000};
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time_out, sizeof time_out);
}

/// connect() of a local socket only waits when the daemon's backlog is full; the send time-out bounds that.
/// With one, a signal ends it even under SA_RESTART (signal(7)), and it has to be called again.
bool connect_until(int descriptor, const sockaddr_un& address, Deadline deadline) {
    bool done = false;
    do {
        bound_waiting(descriptor, deadline);
        done = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    } while (!done && errno == EINTR && std::chrono::steady_clock::now() < deadline);
    if (!done) {
        return false;
    }
    return fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0;
}

} // namespace

bool LoginConnection::connect(Deadline deadline) {
    if (connected() && still_ours()) {
        return true;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path_.empty() || socket_path_.size() >= sizeof address.sun_path) {
        return false;
    }
    std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
    daemon_socket_ = identity_of_path(socket_path_);
    const int descriptor = open_socket();
    if (descriptor < 0) {
        return false;
    }
    if (!connect_until(descriptor, address, deadline)) {
        ::close(descriptor);
        return false;
    }
    own_socket_ = identity_of(descriptor);
    descriptor_ = descriptor;
    ++generation_;
    broke_rules_ = false;
    sent_ = 0;
    received_ = 0;
    return true;
}

bool LoginConnection::send(const boost::json::object& message) {
    if (!still_ours() || !flush() || !unsent_.empty()) {
        return false;
    }
    unsent_ = encode_frame(message);
    if (unsent_.size() > login_frame_max_bytes) {
        unsent_.clear();
        return false;
    }
    const std::size_t whole = unsent_.size();
    if (!flush()) {
        return false;
    }
    if (unsent_.size() == whole) {
        unsent_.clear();
        return false;
    }
    ++sent_;
    return true;
}

bool LoginConnection::fits(const boost::json::object& message) {
    return encode_frame(message).size() <= login_frame_max_bytes;
}

/// Sends what the kernel takes; false when the connection is dead (and closed now).
bool LoginConnection::flush() {
    while (!unsent_.empty()) {
        const ssize_t count =
            ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) {
            unsent_.erase(0, static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            return true;
        } else if (errno != EINTR) {
            close();
            return false;
        }
    }
    return true;
}

std::optional<boost::json::object> LoginConnection::receive(Deadline deadline) {
    while (still_ours()) {
        Result<std::optional<boost::json::object>> message = decoder_.next();
        if (!message) {
            refuse(message.error().code + " " + message.error().reason);
            return std::nullopt;
        }
        if (*message) {
            if (++received_ > sent_ + unasked_messages_max) {
                refuse("far more than was asked for");
                return std::nullopt;
            }
            return std::move(*message);
        }
        const short awaited = unsent_.empty() ? POLLIN : POLLIN | POLLOUT;
        pollfd waiting{.fd = descriptor_, .events = awaited, .revents = 0};
        const int ready = poll(&waiting, 1, milliseconds_until(deadline));
        if (ready == 0 || (ready < 0 && errno != EINTR)) {
            return std::nullopt;
        }
        if (ready > 0 && !exchange(waiting.revents)) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

void LoginConnection::refuse(const std::string& reason) {
    debug_message("the daemon's answer: " + reason);
    close();
    broke_rules_ = true;
}

/// False when the connection has ended (and is closed now). Reads first: what came before the end counts.
bool LoginConnection::exchange(short events) {
    const bool alive = (events & ~POLLOUT) == 0 || read_some();
    return alive && ((events & POLLOUT) == 0 || flush());
}

/// False when the connection has ended (and is closed now).
bool LoginConnection::read_some() {
    std::array<char, receive_bytes> buffer{};
    const ssize_t count = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
        decoder_.append({buffer.data(), static_cast<std::size_t>(count)});
        return true;
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    close();
    return false;
}

bool LoginConnection::readable() const {
    pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
    return connected() && poll(&waiting, 1, 0) > 0;
}

bool LoginConnection::socket_replaced() const {
    return identity_of_path(socket_path_) != daemon_socket_;
}

std::optional<LoginConnection::FileIdentity> LoginConnection::identity_of_path(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        return std::nullopt;
    }
    return FileIdentity{status.st_dev, status.st_ino};
}

std::optional<LoginConnection::FileIdentity> LoginConnection::identity_of(int descriptor) {
    struct stat status {};
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        return std::nullopt;
    }
    return FileIdentity{status.st_dev, status.st_ino};
}

/// An application that closes all descriptors (to become a daemon, before exec) takes ours away too, and the
/// number may by now be a file of its own: never write there, never close it.
bool LoginConnection::still_ours() const {
    if (!connected()) {
        return false;
    }
    if (identity_of(descriptor_) == own_socket_) {
        return true;
    }
    const_cast<LoginConnection*>(this)->forget();
    return false;
}

void LoginConnection::forget() {
    descriptor_ = -1;
    own_socket_.reset();
    unsent_.clear();
    decoder_ = FrameDecoder(login_frame_max_bytes);
}

void LoginConnection::close() {
    if (still_ours()) {
        shutdown(descriptor_, SHUT_RDWR);
        ::close(descriptor_);
    }
    forget();
}

void LoginConnection::abandon_in_child() {
    // Only the descriptor: everything else may have been half-written by a thread that doesn't exist here.
    const int descriptor = descriptor_.exchange(-1);
    if (descriptor >= 0 && identity_of(descriptor) == own_socket_) {
        ::close(descriptor);
    }
}

} // namespace ukey::filter
