// SPDX-License-Identifier: Apache-2.0
// When organisations had a key, by the ledger. Store thread only; blocking.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// The binding of a key, from one record to another.
struct BoundTime {
    std::string key_id;
    std::string organisation; ///< code
    TimeSpan time;            ///< `to` of one that is in force: Timestamp::max()
};

/// Of all organisations, in the order of their end. A release whose binding is in no record (it was archived)
/// ends one that began before all records; a binding in force that is in no record begins when the table has
/// it. What begins at or after `until` is left out.
Result<std::vector<BoundTime>> read_binding_history(Storage& storage, Timestamp until);

} // namespace ukey
