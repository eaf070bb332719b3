// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/reader.hpp"

#include <algorithm>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace ukey::virtual_card {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

/// The peer is usually a pcscd that is just being started: look again soon, but not in a busy loop.
constexpr milliseconds backoff_min{20};
constexpr milliseconds backoff_max{500};

auto keep_error(boost::system::error_code& error) {
    return asio::redirect_error(asio::use_awaitable, error);
}

} // namespace

std::optional<ReaderAddress> parse_reader_address(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:";
    if (text.starts_with(unix_prefix)) {
        if (text.size() == unix_prefix.size())
            return std::nullopt;
        return ReaderAddress{{}, {}, std::string(text.substr(unix_prefix.size()))};
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size())
        return std::nullopt;
    return ReaderAddress{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)), {}};
}

Reader::Reader(asio::io_context& context, PivCard& card, ReaderAddress address)
    : card_(card), address_(std::move(address)), socket_(context), pause_timer_(context),
      changed_(context.get_executor()) {}

void Reader::stop() {
    stopped_ = true;
    inserted_ = false;
    close();
    changed_.notify_all();
}

void Reader::insert() {
    if (inserted_)
        return;
    inserted_ = true;
    ++insertions_;
    inserted_changed();
    changed_.notify_all();
}

void Reader::remove() {
    if (!inserted_)
        return;
    inserted_ = false;
    pause_timer_.cancel(); // a card that is out does not take its time over an answer
    card_.power_off();
    inserted_changed();
    changed_.notify_all();
}

void Reader::set_present(bool present) {
    present_ = present;
    changed_.notify_all();
}

void Reader::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    pause_timer_.cancel();
    set_present(false);
}

asio::awaitable<bool> Reader::wait_present(bool present, milliseconds timeout) {
    // Shared with the handler, which may still be queued when this coroutine is done.
    const auto late = std::make_shared<bool>(false);
    asio::steady_timer deadline(co_await asio::this_coro::executor, timeout);
    deadline.async_wait([this, late](boost::system::error_code error) {
        *late = !error;
        if (*late)
            changed_.notify_all();
    });
    while (present_ != present && !*late && !stopped_)
        co_await changed_.wait();
    co_return present_ == present;
}

asio::awaitable<bool> Reader::wait_inserted(milliseconds timeout) {
    return wait_present(true, timeout);
}

asio::awaitable<bool> Reader::wait_removed(milliseconds timeout) {
    return wait_present(false, timeout);
}

asio::awaitable<void> Reader::pause(milliseconds duration) {
    boost::system::error_code cancelled;
    pause_timer_.expires_after(duration);
    co_await pause_timer_.async_wait(keep_error(cancelled));
}

asio::awaitable<bool> Reader::connect() {
    boost::system::error_code error;
    const auto executor = co_await asio::this_coro::executor;
    if (!address_.unix_path.empty()) {
        const asio::local::stream_protocol::endpoint endpoint(address_.unix_path);
        co_await socket_.async_connect(endpoint, keep_error(error));
        co_return !error;
    }
    asio::ip::tcp::resolver resolver(executor);
    const auto found = co_await resolver.async_resolve(address_.host, address_.port, keep_error(error));
    if (error)
        co_return false;
    asio::ip::tcp::socket socket(executor);
    co_await asio::async_connect(socket, found, keep_error(error));
    if (error)
        co_return false;
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    socket_ = std::move(socket);
    co_return true;
}

asio::awaitable<void> Reader::run() {
    milliseconds backoff = backoff_min;
    while (!stopped_) {
        if (!wants_connection()) {
            co_await changed_.wait();
            continue;
        }
        heard_ = false;
        if (co_await connect() && wants_connection() && !stopped_)
            co_await serve();
        close();
        card_.power_off();
        if (!wants_connection() || stopped_)
            continue;
        backoff = heard_ ? backoff_min : std::min(backoff * 2, backoff_max);
        co_await pause(backoff);
    }
}

asio::awaitable<bool> Reader::read_exactly(std::span<std::uint8_t> buffer) {
    boost::system::error_code error;
    co_await asio::async_read(socket_, asio::buffer(buffer.data(), buffer.size()), keep_error(error));
    heard_ = heard_ || !error;
    co_return !error;
}

asio::awaitable<bool> Reader::write_all(ByteView bytes) {
    boost::system::error_code error;
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), keep_error(error));
    co_return !error;
}

asio::awaitable<std::optional<Bytes>> Reader::transmit(ByteView apdu) {
    Answer answer = card_.transmit(apdu);
    if (answer.pulled_out) {
        remove();
        co_return std::nullopt;
    }
    if (answer.delay.count() > 0) {
        const std::uint64_t insertion = insertions_;
        co_await pause(answer.delay);
        if (!inserted_ || insertion != insertions_)
            co_return std::nullopt; // the answer is of a card session that is over
    }
    co_return std::move(answer.response);
}

} // namespace ukey::virtual_card
