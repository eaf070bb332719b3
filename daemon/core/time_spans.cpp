// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/time_spans.hpp"

#include <algorithm>
#include <utility>

namespace ukey {

std::vector<TimeSpan> joined_spans(std::vector<TimeSpan> spans) {
    std::ranges::sort(spans, {}, [](const TimeSpan& span) { return std::pair(span.from, span.to); });
    std::vector<TimeSpan> joined;
    for (const TimeSpan& span : spans) {
        if (span.from >= span.to) {
            continue;
        }
        if (!joined.empty() && span.from <= joined.back().to) {
            joined.back().to = std::max(joined.back().to, span.to);
        } else {
            joined.push_back(span);
        }
    }
    return joined;
}

std::vector<TimeSpan> gaps_between(const std::vector<TimeSpan>& joined, TimeSpan whole) {
    std::vector<TimeSpan> gaps;
    Timestamp next = whole.from;
    for (const TimeSpan& span : joined) {
        if (span.to <= next || span.from >= whole.to) {
            continue;
        }
        if (span.from > next) {
            gaps.push_back({next, span.from});
        }
        next = span.to;
    }
    if (next < whole.to) {
        gaps.push_back({next, whole.to});
    }
    return gaps;
}

std::vector<TimeSpan> intersection(const std::vector<TimeSpan>& left, const std::vector<TimeSpan>& right) {
    std::vector<TimeSpan> common;
    for (auto a = left.begin(), b = right.begin(); a != left.end() && b != right.end();) {
        const TimeSpan both{std::max(a->from, b->from), std::min(a->to, b->to)};
        if (both.from < both.to) {
            common.push_back(both);
        }
        ++(a->to < b->to ? a : b);
    }
    return common;
}

} // namespace ukey
