// SPDX-License-Identifier: Apache-2.0
// Times put together, and what is between them.
#pragma once

#include <vector>

#include "daemon/core/clock.hpp"

namespace ukey {

/// Sorted, those that overlap or touch joined; empty ones are left out.
std::vector<TimeSpan> joined_spans(std::vector<TimeSpan> spans);

/// What of `whole` is in none of them. `joined` is sorted and without overlaps.
std::vector<TimeSpan> gaps_between(const std::vector<TimeSpan>& joined, TimeSpan whole);

/// What is in both. Each is sorted and without overlaps.
std::vector<TimeSpan> intersection(const std::vector<TimeSpan>& left, const std::vector<TimeSpan>& right);

} // namespace ukey
