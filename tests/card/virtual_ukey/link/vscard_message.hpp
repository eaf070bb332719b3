// SPDX-License-Identifier: Apache-2.0
// Messages of the VSCARD protocol (vscard_common.h of libcacard) between QEMU's ccid-card-passthru, which has
// the reader, and us, who have the card: a header of three 32-bit big-endian numbers, then the payload.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/card/virtual_ukey/card/bytes.hpp"

namespace ukey::virtual_card {

constexpr std::size_t vscard_header_size_bytes = 12;
/// QEMU's own buffer; nothing longer is ever valid.
constexpr std::size_t vscard_payload_max_bytes = 65536 - vscard_header_size_bytes;

enum class VscardType : std::uint32_t {
    init = 1,
    error = 2,
    reader_add = 3,
    reader_remove = 4,
    answer_to_reset = 5,
    card_remove = 6,
    apdu = 7,
    flush = 8,
    flush_complete = 9,
};

/// Codes of an `error` message; zero is how success is reported.
constexpr std::uint32_t vscard_success = 0;
constexpr std::uint32_t vscard_cannot_add_more_readers = 2;

constexpr std::uint32_t vscard_undefined_reader = 0xffffffff;
/// ccid-card-passthru has exactly one reader.
constexpr std::uint32_t vscard_only_reader = 0;

struct VscardHeader {
    std::uint32_t type;
    std::uint32_t reader;
    std::uint32_t payload_size_bytes;
};

VscardHeader decode_vscard_header(ByteView header);
Bytes encode_vscard_message(VscardType type, std::uint32_t reader, ByteView payload);

/// Magic, protocol version 0.0.2 and no capabilities.
Bytes vscard_init_payload();
bool is_vscard_init_payload(ByteView payload);

/// The code of an `error` message; nothing when the payload is too short.
std::optional<std::uint32_t> vscard_error_code(ByteView payload);
Bytes vscard_error_payload(std::uint32_t code);

} // namespace ukey::virtual_card
