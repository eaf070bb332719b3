// SPDX-License-Identifier: Apache-2.0
// The USB reader in a QEMU guest (usb-ccid with ccid-card-passthru). The connection is the reader, and the
// card comes and goes by messages on it. QEMU does not pass on power and reset: the card keeps its verified
// PIN until it is removed, or the connection ends.
#pragma once

#include <deque>

#include "tests/card/virtual_ukey/link/reader.hpp"
#include "tests/card/virtual_ukey/link/vscard_message.hpp"

namespace ukey::virtual_card {

class VscardReader final : public Reader {
  public:
    VscardReader(boost::asio::io_context& context, PivCard& card, ReaderAddress address);

  private:
    boost::asio::awaitable<void> serve() override;
    bool wants_connection() const override { return !stopped(); }
    void inserted_changed() override;

    boost::asio::awaitable<void> send_queued();
    boost::asio::awaitable<void> receive_messages();
    boost::asio::awaitable<void> handle(const VscardHeader& header, ByteView payload);
    void confirmed(std::uint32_t code);
    void queue(VscardType type, ByteView payload);
    void queue_request(VscardType type, ByteView payload);
    void queue_card_state();

    /// Requests that QEMU has still to confirm, oldest first: it confirms each by one `error` message.
    std::deque<VscardType> unconfirmed_;
    /// Messages to write. A removal may be asked for while an answer is still on its way.
    std::deque<Bytes> outgoing_;
    Signal queued_;
    bool reader_added_ = false;
};

} // namespace ukey::virtual_card
