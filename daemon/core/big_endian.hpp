// SPDX-License-Identifier: Apache-2.0
// Numbers as bytes, the most significant first.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <endian.h>

namespace ukey {

inline void append_big_endian(std::string& bytes, std::uint64_t value, unsigned width_bytes) {
    for (unsigned index = width_bytes; index-- > 0;) {
        bytes.push_back(static_cast<char>((value >> (index * 8U)) & 0xFFU));
    }
}

/// All of `bytes`, at most 8.
inline std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) {
        value = (value << 8U) | static_cast<unsigned char>(byte);
    }
    return value;
}

/// 8 bytes, which must be there.
inline std::uint64_t read_big_endian_64(const char* bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return be64toh(value);
}

} // namespace ukey
