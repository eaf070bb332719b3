// SPDX-License-Identifier: Apache-2.0
// Do the tables beside the ledger say what the ledger says? Reader or store thread; blocking.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/store/storage.hpp"

namespace ukey {

struct ProjectionDifference {
    std::string table;
    std::string row;      ///< its key's columns, with a space between them; of `ledger`: a record's number
    std::string column;   ///< empty: the row as a whole
    std::string in_force; ///< what the table has; empty: nothing
    std::string derived;  ///< what the ledger says; empty: nothing
};

struct ProjectionVerdict {
    std::uint64_t rows = 0;                        ///< that the ledger says there are
    std::uint64_t differing = 0;                   ///< values, and rows that only one side has
    std::vector<ProjectionDifference> differences; ///< the first projection_differences_max of them
};
constexpr std::size_t projection_differences_max = 20;

/// Derives the tables again (rebuild_tables) and compares; docs/formats/ledger.md §6 says which columns.
/// Inside Storage::read(). Memory does not grow with the ledger; its temporary tables are on disk.
Result<ProjectionVerdict> compare_projection(Storage& storage);

} // namespace ukey
