// SPDX-License-Identifier: Apache-2.0
#include "tools/district/names.hpp"

#include <algorithm>

#include "tools/district/store.hpp"

namespace ukey::ctl::district {

Names::Names(Database& database, const std::string& table, const std::string& column)
    : insert_(database.prepare("INSERT INTO " + table + " (id, " + column + ") VALUES (?, ?)")) {}

Result<Names> Names::load(Database& database, const std::string& table, const std::string& column) {
    Names names(database, table, column);
    auto statement = database.prepare("SELECT id, " + column + " FROM " + table);
    UKEY_TRY(statement.each([&] {
        names.numbers_.emplace(statement.text(1), statement.integer(0));
        names.next_ = std::max(names.next_, statement.integer(0) + 1);
    }));
    return names;
}

Result<std::int64_t> Names::number_of(const std::string& text) {
    if (text.empty()) {
        return 0;
    }
    const auto [entry, added] = numbers_.try_emplace(text, next_);
    if (added) {
        ++next_;
        UKEY_TRY(insert_.reset().bind(entry->second).bind(text).run());
    }
    return entry->second;
}

std::int64_t Names::find(const std::string& text) const {
    const auto entry = numbers_.find(text);
    return entry == numbers_.end() ? 0 : entry->second;
}

} // namespace ukey::ctl::district
