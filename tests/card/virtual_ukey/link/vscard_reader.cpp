// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/vscard_reader.hpp"

#include <array>

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace ukey::virtual_card {

namespace asio = boost::asio;

VscardReader::VscardReader(asio::io_context& context, PivCard& card, ReaderAddress address)
    : Reader(context, card, std::move(address)), queued_(context.get_executor()) {}

void VscardReader::inserted_changed() {
    if (reader_added_)
        queue_card_state();
}

void VscardReader::queue(VscardType type, ByteView payload) {
    outgoing_.push_back(encode_vscard_message(type, vscard_only_reader, payload));
    queued_.notify_all();
}

void VscardReader::queue_request(VscardType type, ByteView payload) {
    unconfirmed_.push_back(type);
    queue(type, payload);
}

/// The answer to reset is how a card is inserted.
void VscardReader::queue_card_state() {
    if (inserted()) {
        card().power_on();
        queue_request(VscardType::answer_to_reset, card().atr());
    } else {
        queue_request(VscardType::card_remove, {});
    }
}

void VscardReader::confirmed(std::uint32_t code) {
    if (unconfirmed_.empty())
        return;
    const VscardType request = unconfirmed_.front();
    unconfirmed_.pop_front();
    switch (request) {
    case VscardType::reader_add:
        // QEMU keeps its reader when we come back on a new connection.
        reader_added_ = code == vscard_success || code == vscard_cannot_add_more_readers;
        if (reader_added_ && inserted())
            queue_card_state();
        return;
    case VscardType::answer_to_reset:
        set_present(code == vscard_success && inserted());
        return;
    case VscardType::card_remove:
        set_present(false);
        return;
    case VscardType::init:
    case VscardType::error:
    case VscardType::reader_remove:
    case VscardType::apdu:
    case VscardType::flush:
    case VscardType::flush_complete:
        return;
    }
}

asio::awaitable<void> VscardReader::handle(const VscardHeader& header, ByteView payload) {
    switch (static_cast<VscardType>(header.type)) {
    case VscardType::init:
        // Sent in answer to ours, and again by every newly plugged device: each time its reader is to be
        // added.
        if (is_vscard_init_payload(payload))
            queue_request(VscardType::reader_add, {});
        co_return;
    case VscardType::error:
        if (const auto code = vscard_error_code(payload))
            confirmed(*code);
        co_return;
    case VscardType::apdu: {
        if (!inserted())
            co_return;
        const auto response = co_await transmit(payload);
        if (response && inserted())
            queue(VscardType::apdu, *response);
        co_return;
    }
    case VscardType::flush:
        queue(VscardType::flush_complete, {});
        co_return;
    case VscardType::reader_add:
    case VscardType::reader_remove:
    case VscardType::answer_to_reset:
    case VscardType::card_remove:
    case VscardType::flush_complete:
        co_return;
    }
}

asio::awaitable<void> VscardReader::send_queued() {
    while (true) {
        while (!outgoing_.empty()) {
            const Bytes message = std::move(outgoing_.front());
            outgoing_.pop_front();
            if (!co_await write_all(message))
                co_return;
        }
        co_await queued_.wait();
    }
}

asio::awaitable<void> VscardReader::receive_messages() {
    while (true) {
        std::array<std::uint8_t, vscard_header_size_bytes> encoded;
        if (!co_await read_exactly(encoded))
            co_return;
        const VscardHeader header = decode_vscard_header(encoded);
        if (header.payload_size_bytes > vscard_payload_max_bytes)
            co_return;
        Bytes payload(header.payload_size_bytes);
        if (!co_await read_exactly(payload))
            co_return;
        co_await handle(header, payload);
    }
}

asio::awaitable<void> VscardReader::serve() {
    using namespace asio::experimental::awaitable_operators;
    unconfirmed_.clear();
    outgoing_.clear();
    reader_added_ = false;
    outgoing_.push_back(
        encode_vscard_message(VscardType::init, vscard_undefined_reader, vscard_init_payload()));
    co_await (send_queued() || receive_messages());
    reader_added_ = false;
}

} // namespace ukey::virtual_card
