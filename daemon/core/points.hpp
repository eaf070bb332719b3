// SPDX-License-Identifier: Apache-2.0
// Points of an assessment: hundredths as whole numbers, so that sums are exact.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace ukey {

/// Hundredths of a point, exact.
struct Points {
    std::int64_t hundredths = 0;
    auto operator<=>(const Points&) const = default;
};

/// "9.35", "0.00", "-0.50".
std::string to_string(Points points);

} // namespace ukey
