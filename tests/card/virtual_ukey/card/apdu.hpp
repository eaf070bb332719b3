// SPDX-License-Identifier: Apache-2.0
// Command and response APDUs (ISO 7816-4, 5.1), short and extended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tests/card/virtual_ukey/card/bytes.hpp"

namespace ukey::virtual_card {

struct Command {
    std::uint8_t cla = 0;
    std::uint8_t ins = 0;
    std::uint8_t p1 = 0;
    std::uint8_t p2 = 0;
    Bytes data;
    /// Le: how many bytes are asked for at most; absent when the command has no Le field.
    std::optional<std::size_t> expected_size;
};

/// Nothing when the length fields contradict the length of the command.
std::optional<Command> parse_command(ByteView apdu);

/// Status words: ISO 7816-4, 5.1.3, and SP 800-73-4 part 2, table 6.
enum class Status : std::uint16_t {
    ok = 0x9000,
    more_data = 0x6100,
    verification_failed = 0x63c0,
    memory_failure = 0x6581,
    wrong_length = 0x6700,
    last_of_chain_expected = 0x6883,
    security_status_not_satisfied = 0x6982,
    method_blocked = 0x6983,
    conditions_not_satisfied = 0x6985,
    wrong_data = 0x6a80,
    not_found = 0x6a82,
    wrong_parameters = 0x6a86,
    reference_data_not_found = 0x6a88,
    instruction_not_supported = 0x6d00,
    class_not_supported = 0x6e00,
};

struct Response {
    Response(Status word) : status(static_cast<std::uint16_t>(word)) {}
    Response(Bytes content, Status word)
        : data(std::move(content)), status(static_cast<std::uint16_t>(word)) {}

    /// '63 CX': wrong, and X tries are left.
    static Response tries_left(unsigned tries);

    Bytes data;
    std::uint16_t status;
};

/// The data followed by the status word.
Bytes encode_response(ByteView data, std::uint16_t status);

} // namespace ukey::virtual_card
