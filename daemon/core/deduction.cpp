// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/deduction.hpp"

#include <algorithm>

namespace ukey {
namespace {

/// whole + part / of, and part < of.
struct Mixed {
    std::uint64_t whole = 0;
    std::uint64_t part = 0;
    std::uint64_t of = 1;
};

Mixed divide(std::uint64_t dividend, std::uint64_t divisor) {
    return {dividend / divisor, dividend % divisor, divisor};
}

/// Hundredths of a point, before rounding.
Mixed exact_cost(Shortfall shortfall, std::uint64_t per_percent, Rounding rounding) {
    if (shortfall.required == 0) {
        return {};
    }
    const Mixed percent = divide(100 * shortfall.missing, shortfall.required);
    switch (rounding) {
    case Rounding::proportional:
        return divide(per_percent * 100 * shortfall.missing, shortfall.required);
    case Rounding::started_percent:
        return {.whole = per_percent * (percent.whole + (percent.part > 0 ? 1 : 0))};
    case Rounding::full_percent:
        return {.whole = per_percent * percent.whole};
    }
    return {};
}

} // namespace

Points cost_of(Shortfall first, Shortfall second, const Deduction& deduction, Rounding rounding) {
    const auto per_percent = static_cast<std::uint64_t>(deduction.per_percent.hundredths);
    const Mixed a = exact_cost(first, per_percent, rounding);
    const Mixed b = exact_cost(second, per_percent, rounding);
    const std::uint64_t parts = a.part * b.of + b.part * a.of;
    const std::uint64_t of = a.of * b.of;
    const std::uint64_t half_up = (2 * parts + of) / (2 * of);
    return std::min(Points{static_cast<std::int64_t>(a.whole + b.whole + half_up)}, deduction.max);
}

Points cost_of(Shortfall shortfall, const Deduction& deduction, Rounding rounding) {
    return cost_of(shortfall, {}, deduction, rounding);
}

} // namespace ukey
