// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/base64.hpp"

#include <array>
#include <cstdint>

namespace ukey {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint32_t no_digit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(no_digit);
    for (std::size_t value = 0; value < base64_digits.size(); ++value) {
        values[static_cast<unsigned char>(base64_digits[value])] = static_cast<std::uint8_t>(value);
    }
    return values;
}
constexpr auto base64_values = make_values();

std::uint32_t base64_value(char digit) {
    return base64_values[static_cast<unsigned char>(digit)];
}

/// Appends the 3, 2 or 1 bytes of one group of four digits, `padding` of which are '='.
bool decode_group(std::string_view group, std::size_t padding, std::string& bytes) {
    std::uint32_t value = 0;
    for (std::size_t index = 0; index < 4; ++index) {
        const std::uint32_t digit = index < 4 - padding ? base64_value(group[index]) : 0U;
        if (digit == no_digit) {
            return false;
        }
        value = (value << 6U) | digit;
    }
    const std::uint32_t unused_bits = padding == 0 ? 0U : (padding == 1 ? 0xFFU : 0xFFFFU);
    if ((value & unused_bits) != 0) {
        return false;
    }
    const std::array<char, 3> decoded{static_cast<char>(value >> 16U),
                                      static_cast<char>((value >> 8U) & 0xFFU),
                                      static_cast<char>(value & 0xFFU)};
    bytes.append(decoded.data(), decoded.size() - padding);
    return true;
}

} // namespace

std::string base64_encode(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    std::size_t start = 0;
    for (; start + 3 <= bytes.size(); start += 3) {
        const auto byte = [&](std::size_t index) {
            return std::uint32_t{static_cast<unsigned char>(bytes[start + index])};
        };
        const std::uint32_t value = (byte(0) << 16U) | (byte(1) << 8U) | byte(2);
        const std::array<char, 4> digits{base64_digits[value >> 18U], base64_digits[(value >> 12U) & 0x3FU],
                                         base64_digits[(value >> 6U) & 0x3FU], base64_digits[value & 0x3FU]};
        text.append(digits.data(), digits.size());
    }
    if (start < bytes.size()) { // a group with padding
        const std::size_t count = bytes.size() - start;
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
