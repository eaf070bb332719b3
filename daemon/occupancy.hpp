// SPDX-License-Identifier: Apache-2.0
// When this computer was on with somebody logged in to it, as its own log of logins (wtmp, utmp(5)) has it:
// only then can a login have gone unseen while the service was away.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/clock.hpp"

namespace ukey {

/// What the service, when it was alive last, can have outlived the computer: no end of a computer that lost
/// its power is on record, and systemd starts a service that dies again within seconds.
constexpr std::chrono::minutes power_loss_seen_within{5};

/// The parts of from..to in which the computer was on and somebody was logged in, in order, from logs that
/// follow each other (the oldest first; one that is not there is skipped). What lies before the oldest entry
/// counts as such a part. A computer that went without a shutdown was on for power_loss_seen_within after
/// `from` at the most. nullopt: there is no log that can be read. Blocks.
std::optional<std::vector<TimeSpan>> occupied_times(const std::vector<std::string>& logs, TimeSpan between);

/// Of this computer.
std::optional<std::vector<TimeSpan>> occupied_times(TimeSpan between);

} // namespace ukey
