// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648 §4) and hexadecimal. By hand: OpenSSL's would bring libcrypto into ukey-probe, whose
// symbols would take the place of those of an older OpenSSL that a vendor's module carries in itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ukey {

/// With padding, without line breaks.
std::string base64_encode(std::string_view bytes);

/// Strict: padding needed, no other characters, unused bits zero. nullopt otherwise.
std::optional<std::string> base64_decode(std::string_view text);
/// The same into a text that has its memory already; false: what is in it means nothing.
bool base64_decode(std::string_view text, std::string& bytes);

/// Lower case.
std::string hex_encode(std::string_view bytes);
/// Is `text` what hex_encode() makes of `bytes`? Without making it.
bool is_hex_of(std::string_view text, std::string_view bytes);
/// Lower case only, an even number of digits; nullopt otherwise.
std::optional<std::string> hex_decode(std::string_view text);

} // namespace ukey
