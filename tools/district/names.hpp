// SPDX-License-Identifier: Apache-2.0
// Texts that repeat in many rows have a number in the store.
#pragma once

#include <string>
#include <unordered_map>

#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

/// One of the tables (id, text), in memory. Numbers are of one store and mean nothing outside of it. Belongs
/// to a transaction: after one that was rolled back it must not be used any more.
class Names {
  public:
    /// `table` is organisation, key or program.
    static Result<Names> load(Database& database, const std::string& table, const std::string& column);

    /// The number of a text that may be new; 0 for an empty one.
    Result<std::int64_t> number_of(const std::string& text);
    /// 0: it is not known.
    std::int64_t find(const std::string& text) const;

  private:
    Names(Database& database, const std::string& table, const std::string& column);

    Statement insert_;
    std::unordered_map<std::string, std::int64_t> numbers_;
    std::int64_t next_ = 1;
};

} // namespace ukey::ctl::district
