// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/time_spans.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

using Spans = std::vector<TimeSpan>;

Timestamp noon(int day) {
    return Timestamp(std::chrono::hours(24 * day + 12));
}

const TimeSpan month{noon(1), noon(30)};

Spans gaps(Spans spans) {
    return gaps_between(joined_spans(std::move(spans)), month);
}

TEST(TimeSpans, GapsAreWhatNoneCovers) {
    EXPECT_EQ(gaps({}), (Spans{month}));
    EXPECT_EQ(gaps({{Timestamp::min(), Timestamp::max()}}), Spans{});
    EXPECT_EQ(gaps({{noon(20), noon(25)}, {noon(-5), noon(5)}, {noon(4), noon(10)}}),
              (Spans{{noon(10), noon(20)}, {noon(25), noon(30)}}));
    EXPECT_EQ(gaps({{noon(1), noon(5)}, {noon(5), noon(30)}}), Spans{});
    EXPECT_EQ(gaps({{noon(40), noon(50)}, {noon(-9), noon(-8)}}), (Spans{month}));
}

TEST(TimeSpans, JoinedAreSortedAndApart) {
    EXPECT_EQ(joined_spans({{noon(7), noon(9)}, {noon(1), noon(3)}, {noon(3), noon(5)}, {noon(2), noon(4)}}),
              (Spans{{noon(1), noon(5)}, {noon(7), noon(9)}}));
    EXPECT_EQ(joined_spans({{noon(1), noon(9)}, {noon(2), noon(3)}}), (Spans{{noon(1), noon(9)}}));
    EXPECT_EQ(joined_spans({{noon(4), noon(4)}, {noon(6), noon(5)}}), Spans{}) << "empty ones";
}

TEST(TimeSpans, IntersectionIsWhatBothHave) {
    const Spans left{{noon(1), noon(5)}, {noon(8), noon(12)}};
    EXPECT_EQ(intersection(left, {{noon(3), noon(10)}}), (Spans{{noon(3), noon(5)}, {noon(8), noon(10)}}));
    EXPECT_EQ(intersection(left, {{noon(5), noon(8)}}), Spans{});
    EXPECT_EQ(intersection(left, {}), Spans{});
    EXPECT_EQ(intersection(left, left), left);
}

} // namespace
} // namespace ukey
