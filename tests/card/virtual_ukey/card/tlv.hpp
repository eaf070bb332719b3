// SPDX-License-Identifier: Apache-2.0
// BER-TLV as cards use it (ISO 7816-4, 5.2.2): tags of up to three bytes, lengths of up to two.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/card/virtual_ukey/card/bytes.hpp"

namespace ukey::virtual_card {

struct Element {
    std::uint32_t tag;
    /// Points into the bytes that were parsed.
    ByteView value;
};

/// The tag is written as it stands, e.g. 0x5FC102 in three bytes.
Bytes encode_tlv(std::uint32_t tag, ByteView value);

/// The elements of one level; nothing when the bytes are malformed or end too early.
std::optional<std::vector<Element>> parse_tlv(ByteView bytes);

/// The first element with this tag, if there is one.
std::optional<ByteView> find_element(const std::vector<Element>& elements, std::uint32_t tag);

} // namespace ukey::virtual_card
