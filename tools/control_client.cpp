// SPDX-License-Identifier: Apache-2.0
#include "tools/control_client.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "tools/json_view.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

std::string last_error() {
    return std::error_code(errno, std::generic_category()).message();
}

/// The daemon's {"code", "message", "arguments"}.
Failure failure_of(const boost::json::object& error) {
    Failure failure{raw_text(error, "code"), places_of(object_of(error, "arguments")),
                    raw_text(error, "message")};
    return failure;
}

} // namespace

ControlClient::ControlClient(int descriptor, std::string socket_path)
    : descriptor_(descriptor), socket_path_(std::move(socket_path)) {}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), socket_path_(std::move(other.socket_path_)),
      decoder_(std::move(other.decoder_)), last_id_(other.last_id_) {}

ControlClient& ControlClient::operator=(ControlClient&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(socket_path_, other.socket_path_);
    std::swap(decoder_, other.decoder_);
    std::swap(last_id_, other.last_id_);
    return *this;
}

ControlClient::~ControlClient() {
    if (descriptor_ >= 0) {
        close(descriptor_);
    }
}

Outcome<ControlClient> ControlClient::connect(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const Places where{{"object", socket_path}};
    if (socket_path.size() >= sizeof address.sun_path) {
        return fail_with("daemon.unreachable", {{"object", socket_path}, {"reason", "the path is too long"}});
    }
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    ControlClient client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), socket_path);
    if (client.descriptor_ < 0 ||
        ::connect(client.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return client.unreachable(last_error());
    }
    return client;
}

Outcome<boost::json::object> ControlClient::call(std::string_view verb, boost::json::object arguments,
                                                 const PartHandler& on_part, std::chrono::seconds wait) {
    const timeval timeout{wait.count(), 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    const std::int64_t id = ++last_id_;
    const auto sent = send({{"id", id}, {"verb", verb}, {"arguments", std::move(arguments)}});
    if (!sent) {
        return tl::unexpected(sent.error());
    }
    while (true) {
        auto answer = receive();
        if (!answer) {
            return answer;
        }
        if (answer->contains("error")) {
            return tl::unexpected(
                failure_of(object_of(*answer, "error"))); // may lack the id, if that was not understood
        }
        if (number_of(*answer, "id") != id) {
            return fail_with("frame.malformed");
        }
        if (!flag_of(*answer, "more").value_or(false)) {
            return object_of(*answer, "result");
        }
        for (const boost::json::value& part : list_of(*answer, "part")) {
            if (on_part && !on_part(part)) {
                return boost::json::object();
            }
        }
    }
}

Outcome<void> ControlClient::send(const boost::json::object& request) {
    const std::string frame = encode_frame(request);
    std::size_t position = 0;
    while (position < frame.size()) {
        const ssize_t sent =
            ::send(descriptor_, frame.data() + position, frame.size() - position, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return unreachable(last_error());
        }
        position += sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
    return {};
}

Outcome<boost::json::object> ControlClient::receive() {
    std::array<char, 64UL * 1024UL> bytes{};
    while (true) {
        auto message = decoder_.next();
        if (!message) {
            return fail_with(message.error());
        }
        if (message->has_value()) {
            return std::move(**message);
        }
        const ssize_t received = recv(descriptor_, bytes.data(), bytes.size(), 0);
        if (received == 0) {
            return unreachable("it closed the connection");
        }
        if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return unreachable("no answer in time");
        }
        if (received < 0 && errno != EINTR) {
            return unreachable(last_error());
        }
        if (received > 0) {
            decoder_.append({bytes.data(), static_cast<std::size_t>(received)});
        }
    }
}

tl::unexpected<Failure> ControlClient::unreachable(std::string reason) const {
    return fail_with("daemon.unreachable", {{"object", socket_path_}, {"reason", std::move(reason)}});
}

} // namespace ukey::ctl
