// SPDX-License-Identifier: Apache-2.0
// Two ways to do a thing are compared by turns, since a computer's speed changes from one second to the next:
// the median of the ratios counts.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace ukey {

constexpr int turns = 15;

template <typename Work>
double seconds_of(const Work& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

} // namespace ukey
