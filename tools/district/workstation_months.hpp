// SPDX-License-Identifier: Apache-2.0
// How far each workstation's records reach over a month.
#pragma once

#include <vector>

#include "daemon/core/assessment.hpp"
#include "tools/district/roster.hpp"

namespace ukey::ctl::district {

/// complete: every moment of the month. missing: none.
enum class MonthState { complete, incomplete, missing };
std::string_view to_string(MonthState state);

struct KeyDoubt {
    std::int64_t key = 0; ///< the store's number
    Doubt doubt;
};

struct WorkstationMonth {
    Workstation workstation;
    LedgerExtent extent; ///< last_seq 0: nothing of it was imported yet
    MonthState state = MonthState::missing;
    bool delivered = false; ///< records of it reach into the time before the month's end, or it had none yet
    std::vector<Doubt> doubts; ///< that hold for every key it has seen, by their beginning
    std::vector<KeyDoubt> key_doubts;
};

/// In the order of the roster, but for those that follow another one. Of one that was revoked nothing is
/// asked from then on.
Result<std::vector<WorkstationMonth>> read_workstation_months(Database& database, const ChinaMonth& month);

/// More doubts of one kind than these are one, from the first of the rest to the last: a report names them
/// all.
constexpr std::size_t doubts_of_a_kind_max = 10;

} // namespace ukey::ctl::district
