// SPDX-License-Identifier: Apache-2.0
// Text that others wrote (a token's fields, a path), made fit for JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ukey::filter {

/// Every byte that is not part of well-formed UTF-8, and every unprintable character but tab, becomes U+FFFD.
/// Gives the same text as ukey::to_printable_utf8 (daemon/core/text.hpp, which needs libraries that the
/// filter may not load): the token's identity told here is compared with the one that the daemon read.
std::string to_printable_utf8(std::string_view bytes);

/// A blank-padded field of PKCS#11 (2.40 §3.2: fixed length, not terminated), without its padding.
template <std::size_t Size>
std::string field_text(const unsigned char (&field)[Size]) {
    std::string_view text(reinterpret_cast<const char*>(field), Size);
    text = text.substr(0, text.find('\0'));
    const std::size_t last = text.find_last_not_of(' ');
    return to_printable_utf8(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

} // namespace ukey::filter
