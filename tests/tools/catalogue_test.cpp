// SPDX-License-Identifier: Apache-2.0
// Every translation has the places {name} of its original; that none is missing is checked by msgcmp
// (po/CMakeLists.txt).
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tools/local_messages.hpp"
#include "tools/verb.hpp"

namespace {

/// The content of a line such as `msgid "text"` or `"continued"`, escapes left as they are.
std::string quoted_part(const std::string& line) {
    const auto begin = line.find('"');
    const auto end = line.rfind('"');
    return begin == std::string::npos || begin == end ? "" : line.substr(begin + 1, end - begin - 1);
}

std::multiset<std::string> places(const std::string& text) {
    std::multiset<std::string> names;
    for (auto open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
        names.insert(text.substr(open, text.find('}', open) - open));
    }
    return names;
}

TEST(Catalogue, TranslationsHaveThePlacesOfTheirOriginals) {
    std::ifstream stream(PO_FOLDER "/zh_CN.po");
    std::string original;
    std::string translation;
    std::string* current = nullptr;
    int compared = 0;
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with("msgid ")) {
            original.clear();
            current = &original;
        } else if (line.starts_with("msgstr ")) {
            translation.clear();
            current = &translation;
        }
        if (current != nullptr && line.find('"') != std::string::npos) {
            *current += quoted_part(line);
        }
        if (line.empty() && !original.empty()) {
            EXPECT_EQ(places(original), places(translation)) << original;
            ++compared;
            original.clear();
        }
    }
    EXPECT_GT(compared, 300);
}

TEST(LocalMessages, SortedAndNotInTheDaemonsTable) {
    const auto own = ukey::ctl::local_messages();
    for (std::size_t i = 1; i < own.size(); ++i) {
        EXPECT_LT(own[i - 1].code, own[i].code);
    }
    for (const auto& entry : own) {
        EXPECT_EQ(ukey::message_entry(entry.code).code, "internal.unknown_code") << entry.code;
        EXPECT_EQ(ukey::ctl::find_message(entry.code), &entry);
    }
}

} // namespace
