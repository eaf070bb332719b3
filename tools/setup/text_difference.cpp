// SPDX-License-Identifier: Apache-2.0
#include "tools/setup/text_difference.hpp"

#include <algorithm>
#include <cstdint>

#include "tools/setup/lines.hpp"

namespace ukey::ctl {
namespace {

/// Above so many pairs of lines the whole middle is shown as exchanged: configuration files are far below.
constexpr std::size_t pairs_max = 4'000'000;

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        lines.push_back(take_line(text));
    }
    return lines;
}

/// Longest common subsequence of what follows line i of `a` and line j of `b`, as a table of (n+1)·(m+1).
std::vector<std::uint32_t> common_lengths(const Lines& a, const Lines& b) {
    const std::size_t width = b.size() + 1;
    std::vector<std::uint32_t> lengths((a.size() + 1) * width, 0);
    for (std::size_t i = a.size(); i-- > 0;) {
        for (std::size_t j = b.size(); j-- > 0;) {
            lengths[i * width + j] = a[i] == b[j]
                                         ? lengths[(i + 1) * width + j + 1] + 1
                                         : std::max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
        }
    }
    return lengths;
}

} // namespace

std::vector<LineChange> text_difference(std::string_view before, std::string_view after) {
    Lines a = lines_of(before);
    Lines b = lines_of(after);
    const auto [a_differs, b_differs] = std::ranges::mismatch(a, b);
    a.erase(a.begin(), a_differs);
    b.erase(b.begin(), b_differs);
    while (!a.empty() && !b.empty() && a.back() == b.back()) {
        a.pop_back();
        b.pop_back();
    }
    const bool small = a.empty() || b.size() <= pairs_max / a.size();
    const std::vector<std::uint32_t> lengths = small ? common_lengths(a, b) : std::vector<std::uint32_t>();
    const auto length = [&](std::size_t i, std::size_t j) {
        return lengths.empty() ? 0 : lengths[i * (b.size() + 1) + j];
    };
    std::vector<LineChange> changes;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() || j < b.size()) {
        if (small && i < a.size() && j < b.size() && a[i] == b[j]) {
            ++i;
            ++j;
        } else if (i < a.size() && (j == b.size() || length(i + 1, j) >= length(i, j + 1))) {
            changes.push_back({'-', std::string(a[i++])});
        } else {
            changes.push_back({'+', std::string(b[j++])});
        }
    }
    return changes;
}

} // namespace ukey::ctl
