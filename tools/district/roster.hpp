// SPDX-License-Identifier: Apache-2.0
// Which workstations the district takes bundles from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/store/database.hpp"
#include "tools/audit/trust_list.hpp"

namespace ukey::ctl::district {

struct Workstation {
    std::int64_t id = 0; ///< in this store only
    std::string fingerprint;
    std::string name;
    Timestamp enrolled{};
    /// Of the one here that has this ledger's records, when it has none itself: nothing is asked of it.
    std::string ledger_is_of;
    bool has_records = false;         ///< of bundles that were imported
    std::optional<Timestamp> revoked; ///< nothing of it is taken from then on; what was taken before stays
};

/// By their fingerprints.
Result<std::vector<Workstation>> read_roster(Database& database);

/// A new one, or another name for one that is known. Errors `district.workstation_revoked`,
/// `district.bad_fingerprint`.
Result<void> enrol(Database& database, const std::string& fingerprint, const std::string& name,
                   Timestamp now);
/// Errors `district.workstation_unknown`.
Result<void> revoke(Database& database, const std::string& fingerprint, Timestamp now);

struct RosterChanges {
    std::size_t enrolled = 0;
    std::size_t renamed = 0;
    std::size_t revoked = 0;
    std::size_t unchanged = 0;
};
/// All of a list or nothing: its trusted ones are enrolled, its revoked ones revoked. Those that are not in
/// it stay as they are.
Result<RosterChanges> enrol(Database& database, const TrustList& list, Timestamp now);

} // namespace ukey::ctl::district
