// SPDX-License-Identifier: Apache-2.0
// When the service was not there to see a login. Store thread only; blocking.
#pragma once

#include "daemon/core/clock.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

/// So long a report may have been on its way without the service having been away: it was stopped by a signal
/// or starved, or it was killed before it came to what it had been told.
constexpr std::chrono::minutes report_delay_max{5};

/// When a login that is told late began, as far as the service can believe it: as claimed, when that lies in
/// the last minutes (report_delay_max) or since the computer's start in a time in which the ledger has the
/// service away; else now. So nobody makes up logins of another month afterwards.
Result<Timestamp> believable_start(Storage& storage, Timestamp claimed);

} // namespace ukey
