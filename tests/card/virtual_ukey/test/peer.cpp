// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/test/peer.hpp"

#include <cstring>

#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ukey::virtual_card {

namespace asio = boost::asio;

namespace {

constexpr int patience_ms = 10'000;

bool readable(int descriptor) {
    pollfd entry{descriptor, POLLIN, 0};
    return ::poll(&entry, 1, patience_ms) == 1;
}

} // namespace

Peer::Peer(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 1) != 0)
        throw std::system_error(errno, std::generic_category(), path.string());
}

Peer::~Peer() {
    hang_up();
    ::close(listener_);
}

bool Peer::accept() {
    hang_up();
    if (readable(listener_))
        connection_ = ::accept(listener_, nullptr, nullptr);
    return connection_ >= 0;
}

void Peer::hang_up() {
    if (connection_ >= 0)
        ::close(connection_);
    connection_ = -1;
}

void Peer::write(ByteView bytes) const {
    while (!bytes.empty()) {
        const ssize_t size = ::send(connection_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size <= 0)
            return;
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
}

Bytes Peer::read(std::size_t size) const {
    Bytes bytes(size);
    std::size_t filled = 0;
    while (filled < size && readable(connection_)) {
        const ssize_t got = ::recv(connection_, bytes.data() + filled, size - filled, 0);
        if (got <= 0)
            break;
        filled += static_cast<std::size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
}

RunningReader::RunningReader(asio::io_context& context, Reader& reader) : context_(context), reader_(reader) {
    asio::co_spawn(context_, reader_.run(), [](const std::exception_ptr& exception) {
        if (exception)
            std::rethrow_exception(exception);
    });
    thread_ = std::thread([this] { context_.run(); });
}

RunningReader::~RunningReader() {
    asio::post(context_, [this] { reader_.stop(); });
    thread_.join();
}

void RunningReader::insert() {
    asio::post(context_, [this] { reader_.insert(); });
}

bool RunningReader::insert_and_wait() {
    insert();
    return asio::co_spawn(context_, reader_.wait_inserted(std::chrono::milliseconds(patience_ms)),
                          asio::use_future)
        .get();
}

bool RunningReader::remove_and_wait() {
    asio::post(context_, [this] { reader_.remove(); });
    return asio::co_spawn(context_, reader_.wait_removed(std::chrono::milliseconds(patience_ms)),
                          asio::use_future)
        .get();
}

} // namespace ukey::virtual_card
