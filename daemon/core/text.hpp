// SPDX-License-Identifier: Apache-2.0
// Chinese text: decoding of files, normal forms, and why two names that look alike are not the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/result.hpp"

namespace ukey {

enum class TextEncoding { utf8, utf8_bom, utf16le, gb18030 };

struct DecodedText {
    std::string utf8;
    TextEncoding encoding = TextEncoding::utf8;
};

/// Reads what offices send: byte order mark, else strict UTF-8, else GB18030 (docs: files people exchange).
/// Error `text.undecodable` with the byte offset.
Result<DecodedText> decode_text(std::string_view bytes);

bool is_valid_utf8(std::string_view text);

/// Bytes that are not UTF-8 become U+FFFD; control characters (but not tab) become U+FFFD too, and so do
/// those that break a line or turn its direction.
std::string to_printable_utf8(std::string_view bytes);

/// GB18030 bytes (or UTF-8) to UTF-8; nullopt when they are neither.
std::optional<std::string> from_gb18030(std::string_view bytes);

/// Without the white space at both ends: ASCII space and tab, ideographic and no-break space.
std::string_view trim(std::string_view text);
/// Bytes of the one such character at the front, or at the end, of a text; 0 if there is none.
std::size_t leading_space_bytes(std::string_view text);
std::size_t trailing_space_bytes(std::string_view text);

/// Unicode normal form C. The text must be valid UTF-8.
std::string normalize_nfc(std::string_view text);

/// A folding for *suggesting* names, never for accepting one: NFKC, case folded, and look-alikes that NFKC
/// leaves alone made one: 〇/○/零-less circles, dot variants (· • ・ ．), dashes, zero-width characters and
/// spaces removed.
std::string fold_for_suggestion(std::string_view text);

/// A place where two names differ, for people: code points on both sides, empty when a side has nothing
/// there.
struct NameDifference {
    /// Counted in code points from 0, in the first name.
    std::size_t position = 0;
    std::string left;
    std::string right;
};

/// The differences of two names after NFC, shortest edit script, at most `limit`; neighbouring changes are
/// one difference. Texts of more than 256 code points are one difference as a whole.
std::vector<NameDifference> name_differences(std::string_view left, std::string_view right,
                                             std::size_t limit = 8);

/// A text with its code points: “（” U+FF08; a character that cannot be seen is told by its code point alone.
std::string quote_with_code_points(std::string_view text);

/// For people, who count from 1: {11, "（", "("} is "position 12: “（” U+FF08 instead of “(” U+0028",
/// {11, "", "("} is "position 12: “(” U+0028 is missing", {11, "（", ""} is "position 12: “（” U+FF08 is too
/// many".
std::string describe(const NameDifference& difference);

/// Terminal columns: East Asian wide characters take two, zero-width ones none.
std::size_t display_width(std::string_view text);

} // namespace ukey
