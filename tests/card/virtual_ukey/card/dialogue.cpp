// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/dialogue.hpp"

#include <algorithm>

namespace ukey::virtual_card {

namespace {

constexpr std::uint8_t chaining_bit = 0x10;
constexpr std::uint8_t get_response_instruction = 0xc0;
/// More than any PIV command needs (a 2048-bit template is 266 bytes), and a bound on what a peer can make
/// the card keep.
constexpr std::size_t chained_data_max_bytes = 8192;
constexpr std::size_t short_response_max_bytes = 256;

Bytes status_only(Status status) {
    return encode_response({}, static_cast<std::uint16_t>(status));
}

bool same_command(const Command& a, const Command& b) {
    return a.ins == b.ins && a.p1 == b.p1 && a.p2 == b.p2;
}

} // namespace

void Dialogue::reset() {
    chain_.reset();
    pending_.clear();
}

/// Adds a command to the chain it belongs to. Nothing when the command is now complete, otherwise the answer
/// to give at once.
std::optional<Bytes> Dialogue::collect(Command& command) {
    const bool more_to_come = (command.cla & chaining_bit) != 0;
    if (chain_ && !same_command(*chain_, command)) {
        chain_.reset();
        if (more_to_come)
            return status_only(Status::last_of_chain_expected);
    }
    if (chain_) {
        append(chain_->data, command.data);
        command.data = chain_->data;
    }
    if (command.data.size() > chained_data_max_bytes) {
        chain_.reset();
        return status_only(Status::wrong_length);
    }
    if (!more_to_come) {
        chain_.reset();
        return std::nullopt;
    }
    chain_ = command;
    return status_only(Status::ok);
}

/// The next part of the pending response, with '61 XX' while something is left.
Bytes Dialogue::deliver(std::size_t size_max) {
    const std::size_t size = std::min(size_max, pending_.size());
    const auto cut = pending_.begin() + static_cast<std::ptrdiff_t>(size);
    const Bytes part(pending_.begin(), cut);
    pending_.erase(pending_.begin(), cut);
    if (pending_.empty())
        return encode_response(part, pending_status_);
    const auto left =
        static_cast<std::uint16_t>(pending_.size() >= short_response_max_bytes ? 0 : pending_.size());
    return encode_response(part,
                           static_cast<std::uint16_t>(static_cast<std::uint16_t>(Status::more_data) | left));
}

Bytes Dialogue::answer(const Command& command, const Response& response) {
    pending_ = response.data;
    pending_status_ = response.status;
    // Without Le nothing may be returned yet: T=0 cannot carry command and response data at once, and fetches
    // the response afterwards (ISO 7816-3, 12.2.1, case 4S).
    return deliver(command.expected_size.value_or(0));
}

Bytes Dialogue::transmit(ByteView apdu, const Handler& handler) {
    auto command = parse_command(apdu);
    if (!command)
        return status_only(Status::wrong_length);
    // Bits 8 to 6 of CLA: only the first interindustry class without secure messaging, on channel 0
    // (ISO 7816-4, 5.4.1, table 2).
    if ((command->cla & static_cast<std::uint8_t>(~chaining_bit)) != 0) {
        reset();
        return status_only(Status::class_not_supported);
    }
    if (command->ins == get_response_instruction) {
        if (pending_.empty())
            return status_only(Status::conditions_not_satisfied);
        return deliver(command->expected_size.value_or(short_response_max_bytes));
    }
    pending_.clear();
    if (auto at_once = collect(*command))
        return *at_once;
    return answer(*command, handler(*command));
}

} // namespace ukey::virtual_card
