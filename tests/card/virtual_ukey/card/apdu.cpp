// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/apdu.hpp"

#include <algorithm>

namespace ukey::virtual_card {

namespace {

constexpr std::size_t header_size_bytes = 4;
constexpr std::size_t short_expected_max_bytes = 256;
constexpr std::size_t extended_expected_max_bytes = 65536;
constexpr unsigned tries_shown_max = 15;

std::size_t big_endian_16(ByteView bytes) {
    return (static_cast<std::size_t>(bytes[0]) << 8) | bytes[1];
}

std::size_t short_expected(std::uint8_t le) {
    return le == 0 ? short_expected_max_bytes : le;
}

std::size_t extended_expected(ByteView le) {
    const std::size_t size = big_endian_16(le);
    return size == 0 ? extended_expected_max_bytes : size;
}

/// `body` starts with Lc. Cases 3S and 4S of ISO 7816-4, 5.1.
bool parse_short_body(ByteView body, Command& command) {
    const std::size_t data_size = body[0];
    const ByteView rest = body.subspan(1);
    if (data_size == 0 || rest.size() < data_size || rest.size() > data_size + 1)
        return false;
    command.data.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(data_size));
    if (rest.size() > data_size)
        command.expected_size = short_expected(rest[data_size]);
    return true;
}

/// `body` starts with the '00' of an extended length field. Cases 2E, 3E and 4E.
bool parse_extended_body(ByteView body, Command& command) {
    if (body.size() < 3)
        return false;
    const ByteView rest = body.subspan(3);
    if (rest.empty()) {
        command.expected_size = extended_expected(body.subspan(1));
        return true;
    }
    const std::size_t data_size = big_endian_16(body.subspan(1));
    if (data_size == 0 || (rest.size() != data_size && rest.size() != data_size + 2))
        return false;
    command.data.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(data_size));
    if (rest.size() > data_size)
        command.expected_size = extended_expected(rest.subspan(data_size));
    return true;
}

} // namespace

std::optional<Command> parse_command(ByteView apdu) {
    if (apdu.size() < header_size_bytes)
        return std::nullopt;
    Command command{apdu[0], apdu[1], apdu[2], apdu[3], {}, std::nullopt};
    const ByteView body = apdu.subspan(header_size_bytes);
    if (body.empty())
        return command;
    if (body.size() == 1) {
        command.expected_size = short_expected(body[0]);
        return command;
    }
    const bool parsed = body[0] == 0 ? parse_extended_body(body, command) : parse_short_body(body, command);
    if (!parsed)
        return std::nullopt;
    return command;
}

Response Response::tries_left(unsigned tries) {
    Response response(Status::verification_failed);
    response.status = static_cast<std::uint16_t>(response.status | std::min(tries, tries_shown_max));
    return response;
}

Bytes encode_response(ByteView data, std::uint16_t status) {
    Bytes out(data.begin(), data.end());
    out.push_back(static_cast<std::uint8_t>(status >> 8));
    out.push_back(static_cast<std::uint8_t>(status));
    return out;
}

} // namespace ukey::virtual_card
