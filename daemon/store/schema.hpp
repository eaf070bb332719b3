// SPDX-License-Identifier: Apache-2.0
// The database's schema, by version number.
#pragma once

#include "daemon/store/database.hpp"

namespace ukey {

constexpr std::int64_t schema_version = 7;

/// Brings an empty or older database to schema_version in one transaction. Errors: `state.newer` when the
/// database was written by a newer version, `state.corrupt` when its quick check fails.
Result<void> migrate(Database& database);

} // namespace ukey
