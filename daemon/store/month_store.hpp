// SPDX-License-Identifier: Apache-2.0
// What this workstation knows of a month. Store thread only; blocking.
#pragma once

#include "daemon/core/assessment.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// The organisations that exist at the month's end as the registry has them now, with the keys that were
/// bound to them on this computer and the logins that count by the rule.
Result<MonthFacts> read_month(Storage& storage, const ChinaMonth& month, const CriterionRule& rule);

} // namespace ukey
