// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/vscard_message.hpp"

#include <algorithm>

namespace ukey::virtual_card {

namespace {

/// VSCARD_MAGIC is these four characters in memory order, on any host.
constexpr std::uint8_t magic[] = {'V', 'S', 'C', 'D'};
/// 11 bits major, 11 bits middle, 10 bits minor: 0.0.2.
constexpr std::uint32_t version = 2;

void append_number(Bytes& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<std::uint8_t>(number >> shift));
}

std::uint32_t number_at(ByteView bytes, std::size_t offset) {
    std::uint32_t number = 0;
    for (const std::uint8_t byte : bytes.subspan(offset, sizeof number))
        number = (number << 8) | byte;
    return number;
}

} // namespace

VscardHeader decode_vscard_header(ByteView header) {
    return {number_at(header, 0), number_at(header, 4), number_at(header, 8)};
}

Bytes encode_vscard_message(VscardType type, std::uint32_t reader, ByteView payload) {
    Bytes message;
    append_number(message, static_cast<std::uint32_t>(type));
    append_number(message, reader);
    append_number(message, static_cast<std::uint32_t>(payload.size()));
    append(message, payload);
    return message;
}

Bytes vscard_init_payload() {
    Bytes payload(std::begin(magic), std::end(magic));
    append_number(payload, version);
    append_number(payload, 0);
    return payload;
}

bool is_vscard_init_payload(ByteView payload) {
    return payload.size() >= 8 && std::equal(std::begin(magic), std::end(magic), payload.begin());
}

std::optional<std::uint32_t> vscard_error_code(ByteView payload) {
    if (payload.size() < 4)
        return std::nullopt;
    return number_at(payload, 0);
}

Bytes vscard_error_payload(std::uint32_t code) {
    Bytes payload;
    append_number(payload, code);
    return payload;
}

} // namespace ukey::virtual_card
