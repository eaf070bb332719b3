// SPDX-License-Identifier: Apache-2.0
// The store's derived tables, computed anew for workstations whose bundles were imported.
#pragma once

#include <set>

#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

/// For these workstations, and those that share a key with them. Inside a transaction.
Result<void> derive(Database& database, const std::set<std::int64_t>& workstations);

} // namespace ukey::ctl::district
