// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/base64.hpp"

#include <cstdint>

namespace ukey {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::uint32_t> base64_value(char digit) {
    if (digit >= 'A' && digit <= 'Z') {
        return static_cast<std::uint32_t>(digit - 'A');
    }
    if (digit >= 'a' && digit <= 'z') {
        return static_cast<std::uint32_t>(digit - 'a') + 26U;
    }
    if (digit >= '0' && digit <= '9') {
        return static_cast<std::uint32_t>(digit - '0') + 52U;
    }
    if (digit == '+' || digit == '/') {
        return digit == '+' ? 62U : 63U;
    }
    return std::nullopt;
}

/// Appends the 3, 2 or 1 bytes of one group of four digits, `padding` of which are '='.
bool decode_group(std::string_view group, std::size_t padding, std::string& bytes) {
    std::uint32_t value = 0;
    for (std::size_t index = 0; index < 4; ++index) {
        const auto digit = index < 4 - padding ? base64_value(group[index]) : 0U;
        if (!digit) {
            return false;
        }
        value = (value << 6U) | *digit;
    }
    const std::uint32_t unused_bits = padding == 0 ? 0U : (padding == 1 ? 0xFFU : 0xFFFFU);
    if ((value & unused_bits) != 0) {
        return false;
    }
    for (std::size_t index = 0; index < 3 - padding; ++index) {
        bytes.push_back(static_cast<char>((value >> (16U - 8U * index)) & 0xFFU));
    }
    return true;
}

} // namespace

std::string base64_encode(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t start = 0; start < bytes.size(); start += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - start);
        std::uint32_t value = 0;
        for (std::size_t index = 0; index < 3; ++index) {
            const unsigned char byte = index < count ? static_cast<unsigned char>(bytes[start + index]) : 0U;
            value = (value << 8U) | byte;
        }
        for (std::size_t index = 0; index < 4; ++index) {
            text.push_back(index <= count ? base64_digits[(value >> (18U - 6U * index)) & 0x3FU] : '=');
        }
    }
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t start = 0; start < text.size(); start += 4) {
        const std::string_view group = text.substr(start, 4);
        std::size_t padding = 0;
        if (start + 4 == text.size() && group[3] == '=') {
            padding = group[2] == '=' ? 2 : 1;
        }
        if (!decode_group(group, padding, bytes)) {
            return std::nullopt;
        }
    }
    return bytes;
}

std::string hex_encode(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char character : bytes) {
        const auto byte = static_cast<unsigned char>(character);
        text.push_back(digits[byte >> 4U]);
        text.push_back(digits[byte & 0xFU]);
    }
    return text;
}

std::optional<std::string> hex_decode(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string bytes;
    for (std::size_t place = 0; place < text.size(); place += 2) {
        const std::size_t high = digits.find(text[place]);
        const std::size_t low =
            place + 1 < text.size() ? digits.find(text[place + 1]) : std::string_view::npos;
        if (high == std::string_view::npos || low == std::string_view::npos) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<char>(high * 16 + low));
    }
    return bytes;
}

} // namespace ukey
