// SPDX-License-Identifier: Apache-2.0
// The district's store: one SQLite file with what the bundles of many workstations say
// (docs/formats/district.md). No service; one program at a time writes it.
#pragma once

#include <string>

#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

class Store {
  public:
    /// Makes the file. Errors `district.exists`, `district.unusable`.
    static Result<Store> create(const std::string& path);
    /// An existing one; an older version's is brought up to date. Errors `file.unreadable` (there is none),
    /// `district.no_store` (it is something else), `district.newer`, `district.unusable`.
    static Result<Store> open(const std::string& path);

    Database& database() { return database_; }
    /// Gives it the memory that an import needs.
    Result<void> prepare_import();

  private:
    explicit Store(Database database) : database_(std::move(database)) {}

    Database database_;
};

/// Errors of the database as this program's: `district.unusable` in the place of the service's codes.
Error as_district_error(Error error);

/// Returns the error of a Result<T> from the enclosing function, else declares `name` as its value.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define UKEY_TAKE(name, expression)                                                                          \
    auto name##_result = (expression);                                                                       \
    if (!name##_result) {                                                                                    \
        return tl::unexpected(std::move(name##_result).error());                                             \
    }                                                                                                        \
    auto& name = *name##_result
// NOLINTEND(bugprone-macro-parentheses)

} // namespace ukey::ctl::district
