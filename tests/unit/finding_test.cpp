// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/finding.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace ukey {
namespace {

/// The names between braces; an unbalanced or nested brace is reported.
std::vector<std::string> places_of(std::string_view text) {
    std::vector<std::string> places;
    std::size_t position = 0;
    while ((position = text.find_first_of("{}", position)) != std::string_view::npos) {
        const std::size_t close = text.find_first_of("{}", position + 1);
        if (text[position] == '}' || close == std::string_view::npos || text[close] == '{') {
            ADD_FAILURE() << "unbalanced brace in: " << text;
            return places;
        }
        places.emplace_back(text.substr(position + 1, close - position - 1));
        position = close + 1;
    }
    return places;
}

bool is_word(std::string_view text, std::string_view also) {
    return !text.empty() && std::ranges::all_of(text, [also](char letter) {
        return (letter >= 'a' && letter <= 'z') || also.find(letter) != std::string_view::npos;
    });
}

TEST(MessageTable, IsSortedAndUnique) {
    const auto table = message_table();
    ASSERT_FALSE(table.empty());
    const auto wrong = std::ranges::adjacent_find(table, std::greater_equal<>{}, &MessageEntry::code);
    EXPECT_EQ(wrong, table.end()) << wrong->code << " is not before " << std::next(wrong)->code;
}

TEST(MessageTable, CodesAreTwoDottedWords) {
    for (const MessageEntry& entry : message_table()) {
        const std::size_t dot = entry.code.find('.');
        ASSERT_NE(dot, std::string_view::npos) << entry.code;
        EXPECT_TRUE(is_word(entry.code.substr(0, dot), "_")) << entry.code;
        EXPECT_TRUE(is_word(entry.code.substr(dot + 1), "_0123456789")) << entry.code;
    }
}

TEST(MessageTable, EveryEntryHasAMessageThatEndsAsASentenceDoes) {
    for (const MessageEntry& entry : message_table()) {
        ASSERT_FALSE(entry.message.empty()) << entry.code;
        const char last = entry.message.back();
        EXPECT_TRUE(last == '.' || last == '}') << entry.code << ": " << entry.message;
        EXPECT_EQ(entry.message.find('\n'), std::string_view::npos) << entry.code;
    }
}

TEST(MessageTable, PlacesAreBalancedAndNamedInLowerCase) {
    for (const MessageEntry& entry : message_table()) {
        for (const std::string_view text : {entry.message, entry.remedy, entry.explanation}) {
            for (const std::string& place : places_of(text)) {
                EXPECT_TRUE(is_word(place, "_0123456789")) << entry.code << ": {" << place << "}";
            }
        }
    }
}

/// An Error has these parts and nothing else to fill a place with.
TEST(MessageTable, ErrorsOfFilesUseOnlyWhatAnErrorCarries) {
    const std::set<std::string> carried = {"object", "reason", "context"};
    for (const MessageEntry& entry : message_table()) {
        const std::string_view family = entry.code.substr(0, entry.code.find('.'));
        if (family != "csv" && family != "text" && family != "time" && family != "month" &&
            family != "trust") {
            continue;
        }
        for (const std::string_view text : {entry.message, entry.remedy}) {
            for (const std::string& place : places_of(text)) {
                EXPECT_TRUE(carried.contains(place)) << entry.code << ": {" << place << "}";
            }
        }
    }
}

TEST(MessageEntry, IsFoundByCode) {
    for (const MessageEntry& entry : message_table()) {
        EXPECT_EQ(&message_entry(entry.code), &entry);
    }
    EXPECT_EQ(message_entry("no.such_code").code, "internal.unknown_code");
    EXPECT_EQ(message_entry("").code, "internal.unknown_code");
    EXPECT_EQ(message_entry("zzz.zzz").code, "internal.unknown_code");
}

TEST(FillPlaces, PutsArgumentsIn) {
    EXPECT_EQ(fill_places("{a} and {b}, {a}", {{"a", "1"}, {"b", "2"}}), "1 and 2, 1");
    EXPECT_EQ(fill_places("nothing", {{"a", "1"}}), "nothing");
    EXPECT_EQ(fill_places("", {}), "");
}

TEST(FillPlaces, LeavesUnknownPlaces) {
    EXPECT_EQ(fill_places("{a} {b}", {{"a", "1"}}), "1 {b}");
    EXPECT_EQ(fill_places("open { a", {{"a", "1"}}), "open { a");
    EXPECT_EQ(fill_places("close } {a}", {{"a", "1"}}), "close } 1");
}

TEST(FillPlaces, DoesNotFillWhatItFilledIn) {
    EXPECT_EQ(fill_places("{a} {b}", {{"a", "{b}"}, {"b", "2"}}), "{b} 2");
}

TEST(Finding, HasTheDocumentedJson) {
    const Finding finding{"certificate.expired", "key-1", {{"not_after", "2026-04-01 16:30:00"}}};
    const boost::json::object json = to_json(finding);
    EXPECT_EQ(json.at("code"), "certificate.expired");
    EXPECT_EQ(json.at("severity"), "error");
    EXPECT_EQ(json.at("subject"), "key-1");
    EXPECT_EQ(json.at("message"), "The certificate expired on 2026-04-01 16:30:00.");
    EXPECT_EQ(json.at("arguments").at("not_after"), "2026-04-01 16:30:00");
    EXPECT_FALSE(json.at("remedy").as_string().empty());
}

TEST(Finding, SubjectFillsItsPlace) {
    const boost::json::object json = to_json({"pin.default", "key-1", {}});
    EXPECT_EQ(json.at("remedy"), "Change it: ukeyctl pin change key-1");
}

TEST(Severity, IsWritten) {
    EXPECT_EQ(to_string(Severity::info), "info");
    EXPECT_EQ(to_string(Severity::warning), "warning");
    EXPECT_EQ(to_string(Severity::error), "error");
}

} // namespace
} // namespace ukey
