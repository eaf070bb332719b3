// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/clock.hpp"

#include <random>

#include <gtest/gtest.h>

namespace ukey {
namespace {

using namespace std::chrono;

Timestamp moment(std::string_view text) {
    return parse_timestamp(text).value();
}

TEST(Clock, FormatsUtcWithSixDecimals) {
    const Timestamp written = sys_days(2026y / April / 1) + hours(8) + minutes(30) + microseconds(123456);
    EXPECT_EQ(format_timestamp(written), "2026-04-01T08:30:00.123456Z");
    EXPECT_EQ(format_timestamp(Timestamp{}), "1970-01-01T00:00:00.000000Z");
}

TEST(Clock, FormatsMomentsBefore1970) {
    EXPECT_EQ(format_timestamp(Timestamp(microseconds(-1))), "1969-12-31T23:59:59.999999Z");
}

TEST(Clock, ReadsFewerDecimals) {
    EXPECT_EQ(moment("2026-04-01T08:30:00Z"), moment("2026-04-01T08:30:00.000000Z"));
    EXPECT_EQ(moment("2026-04-01T08:30:00.5Z"), moment("2026-04-01T08:30:00.500000Z"));
    EXPECT_EQ(moment("2026-04-01T08:30:00.000001Z") - moment("2026-04-01T08:30:00Z"), microseconds(1));
    EXPECT_EQ(moment("2024-02-29T00:00:00Z"), Timestamp(sys_days(2024y / February / 29)));
}

TEST(Clock, RefusesMalformedTimes) {
    for (const std::string_view text :
         {"", "2026-04-01", "2026-04-01T08:30:00", "2026-04-01T08:30:00+08:00", "2026-04-01 08:30:00Z",
          "2026-13-01T08:30:00Z", "2026-02-30T08:30:00Z", "2026-04-01T24:00:00Z", "2026-04-01T08:60:00Z",
          "2026-04-01T08:30:60Z", "2026-04-01T08:30:00.Z", "2026-04-01T08:30:00.1234567Z",
          "2026-04-01T08:30:00ZZ", "+026-04-01T08:30:00Z", "2026-4-1T08:30:00Z", "2026-00-01T08:30:00Z",
          "2026-01-00T08:30:00Z"}) {
        const auto read = parse_timestamp(text);
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_EQ(read.error().code, "time.malformed");
        EXPECT_EQ(read.error().object, text);
    }
}

TEST(Clock, ReadsWhatItWrote) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::int64_t> any(
        moment("0001-01-01T00:00:00Z").time_since_epoch().count(),
        moment("9999-12-31T23:59:59.999999Z").time_since_epoch().count());
    for (int round = 0; round < 2000; ++round) {
        const Timestamp written{microseconds(any(random))};
        ASSERT_EQ(moment(format_timestamp(written)), written);
    }
}

TEST(Clock, ChinaTimeIsEightHoursAhead) {
    EXPECT_EQ(format_china_time(moment("2026-04-01T08:30:00.9Z")), "2026-04-01 16:30:00");
    EXPECT_EQ(format_china_time(moment("2026-12-31T16:00:00Z")), "2027-01-01 00:00:00");
}

TEST(ChinaMonth, BeginsAtMidnightOfChina) {
    const ChinaMonth month{2026, 4};
    EXPECT_EQ(month.begin(), moment("2026-03-31T16:00:00Z"));
    EXPECT_EQ(month.end(), moment("2026-04-30T16:00:00Z"));
    EXPECT_EQ((ChinaMonth{2026, 12}).end(), (ChinaMonth{2027, 1}).begin());
    EXPECT_EQ((ChinaMonth{2024, 2}).end() - (ChinaMonth{2024, 2}).begin(), days(29));
}

TEST(ChinaMonth, ContainsItsFirstMomentAndNotItsEnd) {
    const ChinaMonth month{2026, 4};
    EXPECT_EQ(ChinaMonth::containing(month.begin()), month);
    EXPECT_EQ(ChinaMonth::containing(month.end() - microseconds(1)), month);
    EXPECT_EQ(ChinaMonth::containing(month.end()), (ChinaMonth{2026, 5}));
    EXPECT_EQ(ChinaMonth::containing(month.begin() - microseconds(1)), (ChinaMonth{2026, 3}));
}

TEST(ChinaMonth, IsReadAndWritten) {
    EXPECT_EQ(ChinaMonth::parse("2026-04").value(), (ChinaMonth{2026, 4}));
    EXPECT_EQ((ChinaMonth{2026, 4}).text(), "2026-04");
    for (const std::string_view text :
         {"", "2026", "2026-4", "2026-00", "2026-13", "2026-04-01", "2026/04", " 2026-04"}) {
        const auto read = ChinaMonth::parse(text);
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_EQ(read.error().code, "month.malformed");
    }
}

TEST(SystemClock, RunsForward) {
    const SystemClock clock;
    EXPECT_GT(clock.now(), moment("2024-01-01T00:00:00Z"));
    const auto before = clock.boottime();
    EXPECT_GT(before.count(), 0);
    EXPECT_GE(clock.boottime(), before);
}

} // namespace
} // namespace ukey
