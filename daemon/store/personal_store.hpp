// SPDX-License-Identifier: Apache-2.0
// Personal data beside the ledger, and its removal (docs/formats/ledger.md §7). Store thread only; blocking.
#pragma once

#include <cstdint>

#include "daemon/store/storage.hpp"

namespace ukey {

struct PersonalRemoval {
    Timestamp before{};    ///< of what records of an earlier time refer to
    std::uint32_t uid = 0; ///< who asked for it
};

/// Removes what records before that moment refer to, and the same in the tables beside the ledger: the users
/// and programs of sessions, who bound a key, and labels and certificates of keys that are not bound and were
/// not seen since. Record `personal.removed` says how much, also when it is nothing. Afterwards it is not in
/// the database file nor in its journal any more, unless a reader was in the way: then with the next
/// checkpoint of the journal (SQLite's). Returns how many records referred to something.
Result<std::uint64_t> remove_personal_data(Storage& storage, const PersonalRemoval& removal);

} // namespace ukey
