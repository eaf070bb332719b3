// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace ukey {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Four digits stand for three bytes.
constexpr std::size_t group_digits = 4;
constexpr std::size_t group_bytes = 3;

/// What no digit's value has.
constexpr std::uint32_t no_digit_bit = 0x80;

constexpr std::array<std::uint8_t, 256> make_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(no_digit_bit);
    for (std::size_t value = 0; value < base64_digits.size(); ++value) {
        values[static_cast<unsigned char>(base64_digits[value])] = static_cast<std::uint8_t>(value);
    }
    return values;
}
constexpr auto base64_values = make_values();

std::uint32_t base64_value(char digit) {
    return base64_values[static_cast<unsigned char>(digit)];
}

/// Three bytes at `bytes` from the four digits at `digits`; false when one of them is none.
bool decode_group(const char* digits, char* bytes) {
    const std::uint32_t first = base64_value(digits[0]);
    const std::uint32_t second = base64_value(digits[1]);
    const std::uint32_t third = base64_value(digits[2]);
    const std::uint32_t fourth = base64_value(digits[3]);
    bytes[0] = static_cast<char>((first << 2U) | (second >> 4U));
    bytes[1] = static_cast<char>((second << 4U) | (third >> 2U));
    bytes[2] = static_cast<char>((third << 6U) | fourth);
    return ((first | second | third | fourth) & no_digit_bit) == 0;
}

/// The 2 or 1 bytes of a last group with one or two '='; nullopt when bits that stand for nothing are set.
std::optional<std::string> decode_padded(std::string_view group) {
    const std::size_t padding = group[2] == '=' ? 2 : 1;
    std::string digits(group);
    std::fill(digits.end() - static_cast<std::ptrdiff_t>(padding), digits.end(), base64_digits[0]);
    std::string bytes(3, '\0');
    if (!decode_group(digits.data(), bytes.data()) ||
        bytes.find_first_not_of('\0', 3 - padding) != std::string::npos) {
        return std::nullopt;
    }
    bytes.resize(3 - padding);
    return bytes;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

char high_digit(char byte) {
    return hex_digits[static_cast<unsigned char>(byte) >> 4U];
}

char low_digit(char byte) {
    return hex_digits[static_cast<unsigned char>(byte) & 0xFU];
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

bool base64_decode(std::string_view text, std::string& bytes) {
    if (text.size() % group_digits != 0) {
        return false;
    }
    const std::size_t whole_groups = text.size() / group_digits - (text.ends_with('=') ? 1 : 0);
    bytes.resize(whole_groups * group_bytes);
    for (std::size_t group = 0; group < whole_groups; ++group) {
        if (!decode_group(text.data() + group * group_digits, bytes.data() + group * group_bytes)) {
            return false;
        }
    }
    if (text.ends_with('=')) {
        const auto last = decode_padded(text.substr(whole_groups * group_digits));
        bytes += last.value_or(std::string());
        return last.has_value();
    }
    return true;
}

std::optional<std::string> base64_decode(std::string_view text) {
    std::string bytes;
    return base64_decode(text, bytes) ? std::optional(std::move(bytes)) : std::nullopt;
}

std::string hex_encode(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char byte : bytes) {
        text.push_back(high_digit(byte));
        text.push_back(low_digit(byte));
    }
    return text;
}

bool is_hex_of(std::string_view text, std::string_view bytes) {
    if (text.size() != bytes.size() * 2) {
        return false;
    }
    bool equal = true;
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        equal &=
            text[2 * index] == high_digit(bytes[index]) && text[2 * index + 1] == low_digit(bytes[index]);
    }
    return equal;
}

std::optional<std::string> hex_decode(std::string_view text) {
    std::string bytes;
    for (std::size_t place = 0; place < text.size(); place += 2) {
        const std::size_t high = hex_digits.find(text[place]);
        const std::size_t low =
            place + 1 < text.size() ? hex_digits.find(text[place + 1]) : std::string_view::npos;
        if (high == std::string_view::npos || low == std::string_view::npos) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<char>(high * 16 + low));
    }
    return bytes;
}

} // namespace ukey
