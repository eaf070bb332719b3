// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/text.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace ukey {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view gbk_branch = "\xBD\xCC\xB9\xA4\xD6\xA7\xB2\xBF"; // 教工支部

TEST(DecodeText, TakesUtf8AsItIs) {
    const auto decoded = decode_text("教工支部").value();
    EXPECT_EQ(decoded.utf8, "教工支部");
    EXPECT_EQ(decoded.encoding, TextEncoding::utf8);
    EXPECT_EQ(decode_text("").value().utf8, "");
}

TEST(DecodeText, TakesTheByteOrderMarkOff) {
    const auto decoded = decode_text("\xEF\xBB\xBF教工").value();
    EXPECT_EQ(decoded.utf8, "教工");
    EXPECT_EQ(decoded.encoding, TextEncoding::utf8_bom);
}

TEST(DecodeText, ReadsUtf16le) {
    const auto decoded = decode_text("\xFF\xFE\x59\x65\xE5\x5D\x0A\x00"sv).value();
    EXPECT_EQ(decoded.utf8, "教工\n");
    EXPECT_EQ(decoded.encoding, TextEncoding::utf16le);
    EXPECT_EQ(decode_text("\xFF\xFE\x40\xD8\x00\xDC"sv).value().utf8, "𠀀");
}

TEST(DecodeText, ReadsGb18030) {
    const auto decoded = decode_text(gbk_branch).value();
    EXPECT_EQ(decoded.utf8, "教工支部");
    EXPECT_EQ(decoded.encoding, TextEncoding::gb18030);
    EXPECT_EQ(decode_text("\x95\x32\x82\x36"sv).value().utf8, "𠀀"); // four bytes
    EXPECT_EQ(decode_text("\x84\x31\x95\x33\xBD\xCC"sv).value().utf8, "教") << "its byte order mark";
}

TEST(DecodeText, TellsWhereItFails) {
    const auto marked = decode_text("\xEF\xBB\xBF"
                                    "ab\xFF");
    ASSERT_FALSE(marked.has_value());
    EXPECT_EQ(marked.error().code, "text.undecodable");
    EXPECT_EQ(marked.error().reason, "it is marked as UTF-8, but byte 5 is not");

    const auto neither = decode_text(std::string(gbk_branch) + "ab\xFF");
    ASSERT_FALSE(neither.has_value());
    EXPECT_EQ(neither.error().reason, "byte 0 is not UTF-8 and byte 10 is not GB18030");

    const auto odd = decode_text("\xFF\xFE\x59\x65\xE5"sv);
    ASSERT_FALSE(odd.has_value());
    EXPECT_EQ(odd.error().reason, "it is marked as UTF-16, but byte 4 is not");
    EXPECT_FALSE(decode_text("\xFF\xFE\x00\xDC"sv).has_value()) << "a lone surrogate";
    EXPECT_FALSE(decode_text("\xFE\xFF\x65\x59"sv).has_value()) << "big-endian UTF-16";
}

TEST(DecodeText, TextLongerThanTheBuffer) {
    std::string bytes;
    std::string expected;
    for (int count = 0; count < 20'000; ++count) {
        bytes += gbk_branch;
        expected += "教工支部";
    }
    EXPECT_EQ(decode_text(bytes).value().utf8, expected);
}

TEST(Utf8, IsStrict) {
    EXPECT_TRUE(is_valid_utf8(""));
    EXPECT_TRUE(is_valid_utf8("a\0党𠀀"sv));
    for (const std::string_view text : {"\x80"sv, "\xC0\x80"sv, "\xE0\x80\x80"sv, "\xED\xA0\x80"sv,
                                        "\xF4\x90\x80\x80"sv, "\xE5\x85"sv, "\xFF"sv}) {
        EXPECT_FALSE(is_valid_utf8(text));
        EXPECT_FALSE(is_valid_utf8("党" + std::string(text)));
    }
}

TEST(ToPrintable, ReplacesWhatCouldHarmATerminal) {
    EXPECT_EQ(to_printable_utf8("党\tok"), "党\tok");
    EXPECT_EQ(to_printable_utf8("a\x1B[2Jb\n"), "a\uFFFD[2Jb\uFFFD");
    EXPECT_EQ(to_printable_utf8("\xFF\x7F"), "\uFFFD\uFFFD");
    EXPECT_EQ(to_printable_utf8("a\u202Eb\u2028\u0085"), "a\uFFFDb\uFFFD\uFFFD");
}

TEST(FromGb18030, TriesUtf8First) {
    EXPECT_EQ(from_gb18030(gbk_branch), "教工支部");
    EXPECT_EQ(from_gb18030("教工支部"), "教工支部");
    EXPECT_EQ(from_gb18030("\xFF\xFF"), std::nullopt);
    EXPECT_EQ(from_gb18030("\xBD\xCC\xB9"), std::nullopt) << "half a character";
}

TEST(Nfc, Composes) {
    EXPECT_EQ(normalize_nfc("e\u0301"), "\u00E9");
    EXPECT_EQ(normalize_nfc("\uF90A"), "\u91D1") << "a compatibility ideograph with a canonical equivalent";
    EXPECT_EQ(normalize_nfc("（教工）支部"), "（教工）支部")
        << "full-width forms are not canonical equivalents";
    EXPECT_EQ(normalize_nfc("教工支部1"), "教工支部1");
}

TEST(Fold, MakesLookAlikesOne) {
    const std::vector<std::vector<std::string>> groups = {
        {"二〇一三", "二○一三", "二◯一三", "二０一三", "二0一三"},
        {"阿·买", "阿•买", "阿‧买", "阿・买", "阿．买", "阿.买", "阿･买"},
        {"一-二", "一–二", "一—二", "一－二", "一―二", "一——二", "一−二"},
        {"教工支部", "教 工支部", "教\u3000工支部", "教\u200B工支部", "\uFEFF教工支部", "教工支部\u00A0",
         "教\t工支部"},
        {"（ABC）", "(abc)", "（ａｂｃ）"},
    };
    for (const auto& group : groups) {
        for (const std::string& name : group) {
            EXPECT_EQ(fold_for_suggestion(name), fold_for_suggestion(group.front())) << name;
        }
    }
}

TEST(Fold, KeepsDifferentNamesApart) {
    const std::vector<std::string> names = {"教工支部", "教工一支部", "教工总支部", "零一", "〇一",
                                            "一二",     "1二",        "工",         "エ"};
    for (const std::string& left : names) {
        for (const std::string& right : names) {
            EXPECT_EQ(fold_for_suggestion(left) == fold_for_suggestion(right), left == right)
                << left << " " << right;
        }
    }
}

TEST(NameDifferences, OfEqualNamesAreNone) {
    EXPECT_TRUE(name_differences("教工支部", "教工支部").empty());
    EXPECT_TRUE(name_differences("e\u0301", "\u00E9").empty()) << "equal after NFC";
    EXPECT_TRUE(name_differences("", "").empty());
}

TEST(NameDifferences, AreDescribedByCodePoint) {
    const auto differences = name_differences("区委党校（教工)支部一", "区委党校(教工)第支部");
    ASSERT_EQ(differences.size(), 3U);
    EXPECT_EQ(describe(differences[0]), "position 5: “（” U+FF08 instead of “(” U+0028");
    EXPECT_EQ(describe(differences[1]), "position 9: “第” U+7B2C is missing");
    EXPECT_EQ(describe(differences[2]), "position 11: “一” U+4E00 is too many");
}

TEST(NameDifferences, ShowWhatCannotBeSeen) {
    EXPECT_EQ(describe(name_differences("教\u200B工", "教工").at(0)), "position 2: U+200B is too many");
    EXPECT_EQ(describe(name_differences("教工", "教\u3000工").at(0)),
              "position 2: “\u3000” U+3000 is missing");
}

TEST(NameDifferences, MergeNeighbouringChanges) {
    const auto differences = name_differences("甲乙丙丁", "甲子丑丁");
    ASSERT_EQ(differences.size(), 1U);
    EXPECT_EQ(differences[0].position, 1U);
    EXPECT_EQ(differences[0].left, "乙丙");
    EXPECT_EQ(differences[0].right, "子丑");
    EXPECT_EQ(describe(differences[0]), "position 2: “乙丙” U+4E59 U+4E19 instead of “子丑” U+5B50 U+4E11");
}

TEST(NameDifferences, AreBounded) {
    EXPECT_EQ(name_differences("甲1乙2丙3", "甲4乙5丙6", 2).size(), 2U);
    EXPECT_TRUE(name_differences("甲", "乙", 0).empty());
    const std::string long_text(100'000, 'x');
    const auto differences = name_differences(long_text, "教工支部");
    ASSERT_EQ(differences.size(), 1U);
    EXPECT_TRUE(describe(differences[0]).starts_with("position 1: “xxxxxxxx…” U+0078 U+0078"));
    EXPECT_LT(describe(differences[0]).size(), 300U);
}

/// Levenshtein's recurrence, written the other way round than the code under test.
std::size_t edit_distance(const std::u32string& left, const std::u32string& right) {
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (left[i - 1] == right[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row.back();
}

TEST(NameDifferences, AreAShortestScriptFromLeftToRight) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::uniform_int_distribution<std::size_t> length(0, 12);
    std::uniform_int_distribution<int> letter('a', 'd');
    const auto any_name = [&] {
        std::string name(length(random), ' ');
        std::ranges::generate(name, [&] { return static_cast<char>(letter(random)); });
        return name;
    };
    for (int round = 0; round < 3000; ++round) {
        const std::string left = any_name();
        const std::string right = any_name();
        std::string rebuilt;
        std::size_t position = 0;
        std::size_t changes = 0;
        for (const NameDifference& difference : name_differences(left, right, 100)) {
            rebuilt += left.substr(position, difference.position - position) + difference.right;
            EXPECT_EQ(left.substr(difference.position, difference.left.size()), difference.left);
            position = difference.position + difference.left.size();
            changes += std::max(difference.left.size(), difference.right.size());
        }
        rebuilt += left.substr(position);
        ASSERT_EQ(rebuilt, right) << left;
        ASSERT_LE(changes, edit_distance(std::u32string(left.begin(), left.end()),
                                         std::u32string(right.begin(), right.end())))
            << left << " " << right;
    }
}

TEST(DisplayWidth, CountsColumns) {
    EXPECT_EQ(display_width(""), 0U);
    EXPECT_EQ(display_width("abc"), 3U);
    EXPECT_EQ(display_width("教工支部"), 8U);
    EXPECT_EQ(display_width("（a）"), 5U);
    EXPECT_EQ(display_width("e\u0301\u200B"), 1U);
}

} // namespace
} // namespace ukey
