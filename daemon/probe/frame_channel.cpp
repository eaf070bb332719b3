// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/frame_channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ukey::probe {

FrameChannel::~FrameChannel() {
    close(descriptor_);
}

bool FrameChannel::send(const boost::json::object& message) {
    const std::string frame = encode_frame(message);
    std::string_view rest = frame;
    while (!rest.empty()) {
        const ssize_t count = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

bool FrameChannel::receive() {
    std::array<char, 4096> buffer{};
    ssize_t count = -1;
    do {
        count = recv(descriptor_, buffer.data(), buffer.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) {
        return false;
    }
    decoder_.append({buffer.data(), static_cast<std::size_t>(count)});
    return true;
}

} // namespace ukey::probe
