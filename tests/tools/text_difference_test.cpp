// SPDX-License-Identifier: Apache-2.0
#include "tools/setup/text_difference.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tools/setup/lines.hpp"

namespace {

using namespace ukey::ctl;

std::string shown(std::string_view before, std::string_view after) {
    std::string text;
    for (const LineChange& change : text_difference(before, after)) {
        text += change.sign + change.line + "\n";
    }
    return text;
}

/// What comes of `before` when the changes are made: each '-' takes the next line of that text, '+' puts one
/// in.
bool leads_to(std::string_view before, std::string_view after, const std::vector<LineChange>& changes) {
    std::vector<std::string> removed;
    std::vector<std::string> added;
    for (const LineChange& change : changes) {
        (change.sign == '-' ? removed : added).push_back(change.line);
    }
    const auto left = [](std::string_view text, const std::vector<std::string>& out) {
        std::size_t next = 0;
        return map_lines(text, [&](std::string_view line) -> std::optional<std::string> {
            const bool goes = next < out.size() && line == out[next];
            next += goes ? 1 : 0;
            return goes ? std::nullopt : std::optional<std::string>(line);
        });
    };
    // Every line is a letter once, so that which of two equal ones is meant makes no difference.
    return left(before, removed) == left(after, added);
}

TEST(TextDifference, ShowsOnlyTheLinesThatDiffer) {
    EXPECT_EQ(shown("", ""), "");
    EXPECT_EQ(shown("a\nb\n", "a\nb\n"), "");
    EXPECT_EQ(shown("a\nb", "a\nb\n"), "");
    EXPECT_EQ(shown("", "a\n"), "+a\n");
    EXPECT_EQ(shown("a\n", ""), "-a\n");
    EXPECT_EQ(shown("a\nb\nc\n", "a\nx\nc\n"), "-b\n+x\n");
    EXPECT_EQ(shown("a\nb\nc\nd\ne\n", "a\nx\nc\ne\nf\n"), "-b\n+x\n-d\n+f\n");
}

TEST(TextDifference, LeadsFromOneTextToTheOther) {
    std::random_device device;
    const auto seed = device();
    RecordProperty("seed", static_cast<int>(seed));
    std::mt19937 random(seed);
    std::string letters = "abcdefghij";
    const auto text = [&] {
        std::ranges::shuffle(letters, random);
        std::string lines;
        for (const char letter : letters.substr(0, random() % letters.size())) {
            lines += std::string(1, letter) + "\n";
        }
        return lines;
    };
    for (int round = 0; round < 500; ++round) {
        const std::string before = text();
        const std::string after = text();
        EXPECT_TRUE(leads_to(before, after, text_difference(before, after))) << "seed " << seed << "\n"
                                                                             << before << "---\n"
                                                                             << after;
    }
}

} // namespace
