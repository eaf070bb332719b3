// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/token_text.hpp"

namespace ukey::filter {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

unsigned char byte_at(std::string_view text, std::size_t position) {
    return static_cast<unsigned char>(text[position]);
}

/// Length of the well-formed sequence at the beginning of `text` (Unicode table 3-7); 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const unsigned char first = byte_at(text, 0);
    std::size_t length = 0;
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xBF;
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        second_min = first == 0xE0 ? 0xA0 : second_min; // no overlong forms
        second_max = first == 0xED ? 0x9F : second_max; // no surrogates
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        second_min = first == 0xF0 ? 0x90 : second_min;
        second_max = first == 0xF4 ? 0x8F : second_max;
    }
    if (length == 0 || text.size() < length || byte_at(text, 1) < second_min ||
        byte_at(text, 1) > second_max) {
        return 0;
    }
    for (std::size_t position = 2; position < length; ++position) {
        if ((byte_at(text, position) & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    return length;
}

/// The code point of a well-formed sequence.
char32_t code_point_of(std::string_view sequence) {
    constexpr unsigned char lead_masks[] = {0x7F, 0x1F, 0x0F, 0x07};
    char32_t code_point = byte_at(sequence, 0) & lead_masks[sequence.size() - 1];
    for (std::size_t position = 1; position < sequence.size(); ++position) {
        code_point = (code_point << 6U) | (byte_at(sequence, position) & 0x3FU);
    }
    return code_point;
}

/// Control characters but tab, and what turns the direction of the text (Unicode Standard Annex #9) or breaks
/// its line.
bool is_unprintable(std::string_view sequence) {
    const char32_t code_point = code_point_of(sequence);
    return (code_point < 0x20 && code_point != U'\t') || (code_point >= 0x7F && code_point < 0xA0) ||
           code_point == 0x061C || code_point == 0x200E || code_point == 0x200F ||
           (code_point >= 0x2028 && code_point <= 0x202E) || (code_point >= 0x2066 && code_point <= 0x2069);
}

} // namespace

std::string to_printable_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t length = sequence_length(bytes);
        const std::string_view sequence = bytes.substr(0, length == 0 ? 1 : length);
        text.append(length == 0 || is_unprintable(sequence) ? replacement : sequence);
        bytes.remove_prefix(sequence.size());
    }
    return text;
}

} // namespace ukey::filter
