// SPDX-License-Identifier: Apache-2.0
// Byte strings and their hexadecimal form.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ukey::virtual_card {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

std::string to_hex(ByteView bytes);

/// Nothing when the text has an odd length or a character that is no hexadecimal digit.
std::optional<Bytes> from_hex(std::string_view text);

inline Bytes to_bytes(std::string_view text) {
    return {text.begin(), text.end()};
}

inline void append(Bytes& target, ByteView more) {
    target.insert(target.end(), more.begin(), more.end());
}

} // namespace ukey::virtual_card
