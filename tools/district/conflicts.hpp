// SPDX-License-Identifier: Apache-2.0
// What no workstation sees alone: one key for two organisations or on two computers at once, a ledger written
// anew, cut off or with a hole.
#pragma once

#include <set>
#include <vector>

#include "daemon/core/assessment.hpp"
#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

/// Computes the conflicts of these workstations, and of the keys that they have seen, anew; the other derived
/// tables are up to date. Inside a transaction.
Result<void> find_conflicts(Database& database, const std::set<std::int64_t>& workstations);

/// Those that touch the span of time, by their beginning.
Result<std::vector<Conflict>> read_conflicts(Database& database, TimeSpan span);

} // namespace ukey::ctl::district
