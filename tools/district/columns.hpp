// SPDX-License-Identifier: Apache-2.0
// How the store's columns hold times and months.
#pragma once

#include <cstdint>

#include "daemon/core/clock.hpp"

namespace ukey::ctl::district {

inline std::int64_t microseconds_of(Timestamp moment) {
    return moment.time_since_epoch().count();
}

inline Timestamp time_of(std::int64_t microseconds) {
    return Timestamp(std::chrono::microseconds(microseconds));
}

/// Months of China time since year 0.
inline std::int64_t month_number(const ChinaMonth& month) {
    constexpr std::int64_t months_of_a_year = 12;
    return std::int64_t{month.year} * months_of_a_year + static_cast<std::int64_t>(month.month) - 1;
}

inline std::int64_t month_number(Timestamp moment) {
    return month_number(ChinaMonth::containing(moment));
}

} // namespace ukey::ctl::district
