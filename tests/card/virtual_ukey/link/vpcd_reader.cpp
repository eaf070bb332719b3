// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/vpcd_reader.hpp"

#include <array>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tests/card/virtual_ukey/link/vpcd_frame.hpp"

namespace ukey::virtual_card {

namespace asio = boost::asio;

namespace {

/// vpcd sends a request's length and its data separately and leaves Nagle's algorithm on: it would wait for
/// our delayed acknowledgement of the length, 40 ms for every command. Linux forgets the option as it goes,
/// so it is set again each time; a failure costs time only.
void acknowledge_at_once(Reader::Socket& socket) {
    const int enabled = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &enabled, sizeof enabled);
}

} // namespace

void VpcdReader::inserted_changed() {
    if (!inserted())
        close();
}

asio::awaitable<std::optional<Bytes>> VpcdReader::reply_to(ByteView request) {
    switch (classify_vpcd_request(request)) {
    case VpcdRequest::power_off:
        card().power_off();
        co_return Bytes{};
    case VpcdRequest::power_on:
    case VpcdRequest::reset:
        card().power_on();
        co_return Bytes{};
    case VpcdRequest::answer_to_reset:
        co_return encode_vpcd_frame(card().atr());
    case VpcdRequest::apdu: {
        const auto response = co_await transmit(request);
        if (!response)
            co_return std::nullopt;
        co_return encode_vpcd_frame(*response);
    }
    case VpcdRequest::unknown:
        co_return Bytes{};
    }
    co_return Bytes{};
}

asio::awaitable<void> VpcdReader::serve() {
    set_present(true);
    while (true) {
        acknowledge_at_once(socket());
        std::array<std::uint8_t, vpcd_header_size_bytes> header;
        if (!co_await read_exactly(header))
            co_return;
        acknowledge_at_once(socket());
        Bytes request(vpcd_frame_size(header));
        if (!co_await read_exactly(request))
            co_return;
        const auto reply = co_await reply_to(request);
        if (!reply || !connected() || !co_await write_all(*reply))
            co_return;
    }
}

} // namespace ukey::virtual_card
