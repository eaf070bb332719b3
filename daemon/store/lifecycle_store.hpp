// SPDX-License-Identifier: Apache-2.0
// The service's own life in the ledger: starts, stops, and what an unclean stop left behind. Store thread
// only; blocking.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "daemon/store/storage.hpp"

namespace ukey {

/// The parts of a time in which the computer was on and somebody was logged in to it; nullopt: not known.
using Occupied = std::function<std::optional<std::vector<TimeSpan>>(TimeSpan)>;

/// Record `daemon.started` with `facts`. When the last run did not stop cleanly (the ledger's newest record
/// is not `daemon.stopped`), first `daemon.unclean` with the last heartbeat: the service may have been away
/// since then. Sessions that are still open end as `unclean`; returns how many. Unless it is the first start,
/// `coverage.absence` says since when the service was away, and what of it `occupied` answers. The first
/// start of a state that was put back from a backup begins with `state.restored`, and asks `occupied`
/// nothing.
Result<std::size_t> record_start(Storage& storage, const boost::json::object& facts,
                                 const Occupied& occupied);

/// Record `daemon.stopped`, the last one of this run: whatever is written later fails.
Result<void> record_stop(Storage& storage);

/// Records `computer.resumed` and `clock.stepped`, for what there was of them.
Result<void> record_clock_change(Storage& storage, std::chrono::microseconds slept,
                                 std::chrono::microseconds stepped);

/// "Alive now", beside the ledger: it bounds the hole when the next thing that happens is a power cut.
Result<void> record_heartbeat(Storage& storage);

} // namespace ukey
