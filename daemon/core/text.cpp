// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <iconv.h>
#include <utf8proc.h>

namespace ukey {
namespace {

constexpr std::array<std::string_view, 4> white_space = {" ", "\t", "\u3000", "\u00A0"};

constexpr char32_t replacement_character = 0xFFFD;

/// Names have fewer than 200 code points. What is longer is compared in one piece, so that the table stays at
/// 128 KiB.
constexpr std::size_t compared_code_points_max = 256;

/// A difference longer than this is not spelled out to its end.
constexpr std::size_t described_code_points_max = 8;

/// One code point at the front of the text; bytes = 0 when the text does not begin with valid UTF-8.
struct Decoded {
    char32_t code_point = replacement_character;
    std::size_t bytes = 0;
};

Decoded decode_first(std::string_view text) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                    static_cast<utf8proc_ssize_t>(text.size()), &code_point);
    if (bytes <= 0) {
        return {};
    }
    return {static_cast<char32_t>(code_point), static_cast<std::size_t>(bytes)};
}

void append_code_point(std::string& text, char32_t code_point) {
    std::array<utf8proc_uint8_t, 4> bytes{};
    const utf8proc_ssize_t length =
        utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes.data());
    text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

/// Calls `visit(code point, its bytes)`. Bytes that are not UTF-8 count as one U+FFFD each.
template <typename Visit>
void for_each_code_point(std::string_view text, const Visit& visit) {
    while (!text.empty()) {
        const auto first = static_cast<unsigned char>(text.front());
        const Decoded decoded = first < 0x80 ? Decoded{first, 1} : decode_first(text);
        const std::size_t bytes = std::max<std::size_t>(decoded.bytes, 1);
        visit(decoded.code_point, text.substr(0, bytes));
        text.remove_prefix(bytes);
    }
}

std::u32string to_code_points(std::string_view text) {
    std::u32string code_points;
    for_each_code_point(text, [&](char32_t code_point, std::string_view) { code_points += code_point; });
    return code_points;
}

std::string to_utf8(std::u32string_view code_points) {
    std::string text;
    for (const char32_t code_point : code_points) {
        append_code_point(text, code_point);
    }
    return text;
}

/// Offset of the first byte that is not UTF-8; the text's size when there is none.
std::size_t valid_utf8_prefix(std::string_view text) {
    std::size_t offset = 0;
    while (offset < text.size()) {
        if (static_cast<unsigned char>(text[offset]) < 0x80) {
            ++offset;
            continue;
        }
        const Decoded decoded = decode_first(text.substr(offset));
        if (decoded.bytes == 0) {
            break;
        }
        offset += decoded.bytes;
    }
    return offset;
}

/// glibc's converter from one encoding to UTF-8, for one text.
class Converter {
  public:
    explicit Converter(const char* from) : descriptor_(iconv_open("UTF-8", from)) {
        if (reinterpret_cast<std::intptr_t>(descriptor_) == -1) { // iconv(3)
            throw std::system_error(errno, std::generic_category(), std::string("iconv from ") + from);
        }
    }
    ~Converter() { iconv_close(descriptor_); }
    Converter(const Converter&) = delete; // owns the descriptor
    Converter& operator=(const Converter&) = delete;

    /// Appends the conversion to `output`; the number of input bytes that were valid.
    std::size_t convert(std::string_view bytes, std::string& output) {
        std::array<char, 16384> buffer{};
        char* input = const_cast<char*>(bytes.data()); // iconv's signature; it does not write there
        std::size_t input_left = bytes.size();
        for (;;) {
            char* target = buffer.data();
            std::size_t target_left = buffer.size();
            const std::size_t converted = iconv(descriptor_, &input, &input_left, &target, &target_left);
            const int error = errno;
            output.append(buffer.data(), buffer.size() - target_left);
            if (converted != static_cast<std::size_t>(-1) || error != E2BIG) {
                return bytes.size() - input_left;
            }
        }
    }

  private:
    iconv_t descriptor_;
};

tl::unexpected<Error> undecodable(std::string reason) {
    return fail("text.undecodable", "decode the text", "", std::move(reason));
}

Result<DecodedText> decode_utf8_after_mark(std::string_view bytes, std::size_t mark_bytes) {
    const std::string_view text = bytes.substr(mark_bytes);
    const std::size_t valid = valid_utf8_prefix(text);
    if (valid != text.size()) {
        return undecodable(fmt::format("it is marked as UTF-8, but byte {} is not", mark_bytes + valid));
    }
    return DecodedText{std::string(text), TextEncoding::utf8_bom};
}

Result<DecodedText> decode_utf16le_after_mark(std::string_view bytes, std::size_t mark_bytes) {
    const std::string_view text = bytes.substr(mark_bytes);
    DecodedText decoded{{}, TextEncoding::utf16le};
    const std::size_t valid = Converter("UTF-16LE").convert(text, decoded.utf8);
    if (valid != text.size()) {
        return undecodable(fmt::format("it is marked as UTF-16, but byte {} is not", mark_bytes + valid));
    }
    return decoded;
}

/// Ideographs of the basic block and ASCII neither decompose nor combine with a neighbour (UAX #15, quick
/// check), and nearly every name has nothing else.
bool is_trivially_nfc(std::string_view text) {
    while (!text.empty()) {
        const auto first = static_cast<unsigned char>(text.front());
        if (first < 0x80) {
            text.remove_prefix(1);
            continue;
        }
        const Decoded decoded = decode_first(text);
        if (decoded.code_point < 0x4E00 || decoded.code_point > 0x9FFF) {
            return false;
        }
        text.remove_prefix(decoded.bytes);
    }
    return true;
}

std::string map_text(std::string_view text, int options) {
    utf8proc_uint8_t* mapped = nullptr;
    const utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                 static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                                 static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    if (length == UTF8PROC_ERROR_NOMEM) {
        throw std::bad_alloc();
    }
    if (length < 0) {
        return std::string(text); // not UTF-8, which the contract excludes
    }
    return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
}

/// Look-alikes that NFKC leaves alone, each with the one that stands for all of them; nullopt: drop the
/// character.
std::optional<char32_t> fold_look_alike(char32_t code_point) {
    switch (code_point) {
    case U'0':         // ０ has become 0 by NFKC
    case 0x25CB:       // ○ white circle
    case 0x25EF:       // ◯ large circle
    case 0x2B55:       // ⭕ heavy large circle
        return 0x3007; // 〇
    case U'.':         // ．and ․ have become . by NFKC
    case 0x2022:       // • bullet
    case 0x2027:       // ‧ hyphenation point
    case 0x2219:       // ∙ bullet operator
    case 0x22C5:       // ⋅ dot operator
    case 0x30FB:       // ・ katakana middle dot
        return 0x00B7; // ·
    case 0x2012:       // ‒ figure dash
    case 0x2013:       // – en dash
    case 0x2014:       // — em dash
    case 0x2015:       // ― horizontal bar
    case 0x2010:       // ‐ hyphen
    case 0x2212:       // − minus
    case 0x2500:       // ─ box drawing, typed for a dash
    case 0x30FC:       // ー katakana long vowel mark, typed for a dash
        return U'-';
    default:
        break;
    }
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
        return std::nullopt;
    default:
        return code_point;
    }
}

/// Table of Wagner and Fischer: entry (i, j) is the number of changes from left[i:] to right[j:].
class EditTable {
  public:
    EditTable(std::u32string_view left, std::u32string_view right)
        : left_(left), right_(right), costs_((left.size() + 1) * (right.size() + 1)) {
        for (std::size_t i = left.size() + 1; i-- > 0;) {
            for (std::size_t j = right.size() + 1; j-- > 0;) {
                costs_[index(i, j)] = cost_from_neighbours(i, j);
            }
        }
    }

    std::uint16_t cost(std::size_t i, std::size_t j) const { return costs_[index(i, j)]; }

  private:
    std::size_t index(std::size_t i, std::size_t j) const { return i * (right_.size() + 1) + j; }

    std::uint16_t cost_from_neighbours(std::size_t i, std::size_t j) const {
        if (i == left_.size() || j == right_.size()) {
            return static_cast<std::uint16_t>((left_.size() - i) + (right_.size() - j));
        }
        if (left_[i] == right_[j]) {
            return cost(i + 1, j + 1);
        }
        const std::uint16_t cheapest = std::min({cost(i + 1, j + 1), cost(i + 1, j), cost(i, j + 1)});
        return static_cast<std::uint16_t>(cheapest + 1);
    }

    std::u32string_view left_;
    std::u32string_view right_;
    std::vector<std::uint16_t> costs_;
};

/// A run of changes with no equal code point between them.
struct Change {
    std::size_t left_begin = 0;
    std::size_t left_end = 0;
    std::size_t right_begin = 0;
    std::size_t right_end = 0;
};

std::vector<Change> shortest_changes(std::u32string_view left, std::u32string_view right) {
    if (left.size() > compared_code_points_max || right.size() > compared_code_points_max) {
        return {{0, left.size(), 0, right.size()}};
    }
    const EditTable table(left, right);
    std::vector<Change> changes;
    std::size_t i = 0;
    std::size_t j = 0;
    bool in_change = false;
    while (i < left.size() || j < right.size()) {
        const bool both = i < left.size() && j < right.size();
        if (both && left[i] == right[j]) {
            ++i, ++j;
            in_change = false;
            continue;
        }
        if (!in_change) {
            changes.push_back({i, i, j, j});
            in_change = true;
        }
        const int remaining = table.cost(i, j) - 1;
        if (both && table.cost(i + 1, j + 1) == remaining) {
            ++i, ++j;
        } else if (i < left.size() && table.cost(i + 1, j) == remaining) {
            ++i;
        } else {
            ++j;
        }
        changes.back().left_end = i;
        changes.back().right_end = j;
    }
    return changes;
}

/// Cc, and what turns the direction of the text around it or breaks its line (Unicode TR 36 §3.1).
bool is_control(char32_t code_point) {
    return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) || code_point == 0x2028 ||
           code_point == 0x2029 || (code_point >= 0x202A && code_point <= 0x202E) ||
           (code_point >= 0x2066 && code_point <= 0x2069);
}

} // namespace

Result<DecodedText> decode_text(std::string_view bytes) {
    if (bytes.starts_with("\xEF\xBB\xBF")) {
        return decode_utf8_after_mark(bytes, 3);
    }
    if (bytes.starts_with("\xFF\xFE")) {
        return decode_utf16le_after_mark(bytes, 2);
    }
    const std::size_t valid_utf8 = valid_utf8_prefix(bytes);
    if (valid_utf8 == bytes.size()) {
        return DecodedText{std::string(bytes), TextEncoding::utf8};
    }
    DecodedText decoded{{}, TextEncoding::gb18030};
    const std::size_t valid_gb18030 = Converter("GB18030").convert(bytes, decoded.utf8);
    if (valid_gb18030 != bytes.size()) {
        return undecodable(
            fmt::format("byte {} is not UTF-8 and byte {} is not GB18030", valid_utf8, valid_gb18030));
    }
    if (decoded.utf8.starts_with("\xEF\xBB\xBF")) {
        decoded.utf8.erase(0, 3); // GB18030 has a byte order mark too
    }
    return decoded;
}

bool is_valid_utf8(std::string_view text) {
    return valid_utf8_prefix(text) == text.size();
}

/// They turn the order of what follows about (Unicode Standard Annex #9): one text passes for another.
bool is_direction_control(char32_t code_point) {
    return code_point == 0x061C || code_point == 0x200E || code_point == 0x200F ||
           (code_point >= 0x202A && code_point <= 0x202E) || (code_point >= 0x2066 && code_point <= 0x2069);
}

std::string to_printable_utf8(std::string_view bytes) {
    std::string printable;
    printable.reserve(bytes.size());
    for_each_code_point(bytes, [&](char32_t code_point, std::string_view own) {
        const bool shown =
            code_point == U'\t' || !(is_control(code_point) || is_direction_control(code_point));
        if (shown && code_point != replacement_character) {
            printable += own;
        } else {
            append_code_point(printable, replacement_character);
        }
    });
    return printable;
}

std::optional<std::string> from_gb18030(std::string_view bytes) {
    if (is_valid_utf8(bytes)) {
        return std::string(bytes);
    }
    std::string text;
    if (Converter("GB18030").convert(bytes, text) != bytes.size()) {
        return std::nullopt;
    }
    return text;
}

/// Bytes of the white space at the front of the text, 0 if there is none.
std::size_t leading_space_bytes(std::string_view text) {
    for (const std::string_view space : white_space) {
        if (text.starts_with(space)) {
            return space.size();
        }
    }
    return 0;
}

std::size_t trailing_space_bytes(std::string_view text) {
    for (const std::string_view space : white_space) {
        if (text.ends_with(space)) {
            return space.size();
        }
    }
    return 0;
}

std::string_view trim(std::string_view text) {
    while (const std::size_t bytes = leading_space_bytes(text)) {
        text.remove_prefix(bytes);
    }
    while (const std::size_t bytes = trailing_space_bytes(text)) {
        text.remove_suffix(bytes);
    }
    return text;
}

std::string normalize_nfc(std::string_view text) {
    return is_trivially_nfc(text) ? std::string(text) : map_text(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string fold_for_suggestion(std::string_view text) {
    const std::string compatible = map_text(text, UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                                                      UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    std::u32string folded;
    for (const char32_t code_point : to_code_points(compatible)) {
        const std::optional<char32_t> kept = fold_look_alike(code_point);
        // A Chinese dash is two em dashes (——), and is as often typed as one.
        const bool second_dash = kept == U'-' && !folded.empty() && folded.back() == U'-';
        if (kept && !second_dash) {
            folded.push_back(*kept);
        }
    }
    return to_utf8(folded);
}

std::vector<NameDifference> name_differences(std::string_view left, std::string_view right,
                                             std::size_t limit) {
    const std::u32string left_points = to_code_points(normalize_nfc(left));
    const std::u32string right_points = to_code_points(normalize_nfc(right));
    const std::u32string_view left_view = left_points;
    const std::u32string_view right_view = right_points;
    std::vector<NameDifference> differences;
    for (const Change& change : shortest_changes(left_view, right_view)) {
        if (differences.size() == limit) {
            break;
        }
        differences.push_back(
            {change.left_begin,
             to_utf8(left_view.substr(change.left_begin, change.left_end - change.left_begin)),
             to_utf8(right_view.substr(change.right_begin, change.right_end - change.right_begin))});
    }
    return differences;
}

std::string quote_with_code_points(std::string_view text) {
    std::u32string code_points = to_code_points(text);
    const bool cut = code_points.size() > described_code_points_max;
    code_points.resize(std::min(code_points.size(), described_code_points_max));
    std::u32string visible;
    std::string numbers;
    for (const char32_t code_point : code_points) {
        const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
        if (category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_CF) {
            visible.push_back(code_point);
        }
        numbers += fmt::format(" U+{:04X}", static_cast<std::uint32_t>(code_point));
    }
    const char* const more = cut ? "…" : "";
    return visible.empty() ? numbers.substr(1) + more
                           : fmt::format("“{}{}”{}{}", to_utf8(visible), more, numbers, more);
}

std::string describe(const NameDifference& difference) {
    const std::size_t position = difference.position + 1; // people count from 1
    if (difference.left.empty()) {
        return fmt::format("position {}: {} is missing", position, quote_with_code_points(difference.right));
    }
    if (difference.right.empty()) {
        return fmt::format("position {}: {} is too many", position, quote_with_code_points(difference.left));
    }
    return fmt::format("position {}: {} instead of {}", position, quote_with_code_points(difference.left),
                       quote_with_code_points(difference.right));
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for_each_code_point(text, [&](char32_t code_point, std::string_view) {
        width += static_cast<std::size_t>(
            std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(code_point))));
    });
    return width;
}

} // namespace ukey
