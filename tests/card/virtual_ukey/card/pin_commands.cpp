// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/pin_commands.hpp"

namespace ukey::virtual_card {

namespace {

/// Key references of SP 800-73-4 part 1, table 4a.
constexpr std::uint8_t application_pin = 0x80;
constexpr std::uint8_t unblocking_key = 0x81;
constexpr std::uint8_t reset_security_status = 0xff;

bool is_ok(const Response& response) {
    return response.status == static_cast<std::uint16_t>(Status::ok);
}

} // namespace

Response PinCommands::query() const {
    if (pin_locked())
        return Status::method_blocked;
    if (verified_)
        return Status::ok;
    return Response::tries_left(pin_tries_left());
}

/// Compares what was presented with a reference, spending a try. The try is spent and saved before the
/// comparison: pulling the card out in between must not buy another guess.
Response PinCommands::present(ReferenceData& reference, ByteView padded) {
    if (reference.blocked() || (forced_lock_ && &reference == &state_.pin))
        return Status::method_blocked;
    reference.spend_try();
    if (!save_())
        return Status::memory_failure;
    // '63 C0' for the try that blocks; only the next one is answered '69 83' (3.2.1).
    if (!reference.matches(padded))
        return Response::tries_left(reference.tries_left());
    reference.restore_tries();
    return Status::ok;
}

Response PinCommands::verify(const Command& command) {
    if (command.p2 != application_pin)
        return Status::reference_data_not_found;
    if (command.p1 == reset_security_status && command.data.empty()) {
        verified_ = false;
        return Status::ok;
    }
    if (command.p1 != 0)
        return Status::wrong_parameters;
    if (command.data.empty()) {
        ++state_.counters.verify_query_count;
        return query();
    }
    ++state_.counters.verify_count;
    // A PIN of a wrong form costs a try too; the standard leaves the choice (3.2.1), and this one is harder
    // on software that guesses. Only data that cannot be a PIN at all is turned away.
    const Response response = command.data.size() == reference_size_bytes ? present(state_.pin, command.data)
                                                                          : Response(Status::wrong_data);
    verified_ = is_ok(response);
    state_.counters.verify_failed += verified_ ? 0U : 1U;
    return save_() ? response : Response(Status::memory_failure);
}

Response PinCommands::change(const Command& command) {
    if (command.p2 != application_pin && command.p2 != unblocking_key)
        return Status::reference_data_not_found;
    if (command.p1 != 0)
        return Status::wrong_parameters;
    if (command.data.size() != 2 * reference_size_bytes)
        return Status::wrong_length;
    const ByteView data(command.data);
    const ByteView replacement = data.last(reference_size_bytes);
    if (!is_padded_pin(replacement))
        return Status::wrong_data;
    const bool is_pin = command.p2 == application_pin;
    ReferenceData& reference = is_pin ? state_.pin : state_.puk;
    const Response response = present(reference, data.first(reference_size_bytes));
    if (is_ok(response))
        reference.replace(replacement);
    if (is_pin) {
        verified_ = is_ok(response);
        ++(is_ok(response) ? state_.counters.pin_change_count : state_.counters.pin_change_failed);
    }
    return save_() ? response : Response(Status::memory_failure);
}

Response PinCommands::reset_retry_counter(const Command& command) {
    if (command.p2 != application_pin)
        return Status::reference_data_not_found;
    if (command.p1 != 0)
        return Status::wrong_parameters;
    if (command.data.size() != 2 * reference_size_bytes)
        return Status::wrong_length;
    const ByteView data(command.data);
    const ByteView replacement = data.last(reference_size_bytes);
    if (!is_padded_pin(replacement))
        return Status::wrong_data;
    const Response response = present(state_.puk, data.first(reference_size_bytes));
    if (is_ok(response)) {
        state_.pin.replace(replacement);
        state_.pin.restore_tries();
    }
    // Unblocking does not log in (3.2.3): the PIN has still to be verified.
    verified_ = false;
    ++(is_ok(response) ? state_.counters.pin_unblock_count : state_.counters.pin_unblock_failed);
    return save_() ? response : Response(Status::memory_failure);
}

} // namespace ukey::virtual_card
