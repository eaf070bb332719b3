// SPDX-License-Identifier: Apache-2.0
// What a shortfall costs, exactly: 差 1% 扣 0.2 分，最多扣 10 分.
#pragma once

#include <cstdint>

#include "daemon/core/criterion_rule.hpp"

namespace ukey {

/// So many of so many are missing; both are below 2^29, so that all products are below 2^63.
struct Shortfall {
    std::uint64_t missing = 0;
    std::uint64_t required = 0; ///< 0: nothing of nothing is missing
};

/// What the shortfall costs, up to the deduction's maximum. Proportional costs are rounded half up to a
/// hundredth of a point.
Points cost_of(Shortfall shortfall, const Deduction& deduction, Rounding rounding);
/// What both together cost, rounded once.
Points cost_of(Shortfall first, Shortfall second, const Deduction& deduction, Rounding rounding);

} // namespace ukey
