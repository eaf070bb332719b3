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

struct RemovedPersonalData {
    std::uint64_t records = 0; ///< that referred to something
    /// It is not in the database file nor in its journal any more. False: as Storage::compact() says.
    bool is_gone = false;
};

/// Removes what records before that moment refer to, and the same in the tables beside the ledger: the users
/// and programs of sessions, who bound a key, and labels and certificates of keys that are not bound and were
/// not seen since. Record `personal.removed` says how much, also when it is nothing. An error after that
/// record, as from a full disk, leaves it removed from the tables, with traces in the file.
Result<RemovedPersonalData> remove_personal_data(Storage& storage, const PersonalRemoval& removal);

} // namespace ukey
