// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/china_date.hpp"

#include <gtest/gtest.h>

#include "daemon/core/organisation.hpp"

namespace ukey {
namespace {

TEST(ChinaDate, ADayBeginsAtMidnightInChina) {
    const ChinaDate date = ChinaDate::parse("2026-03-01").value();
    EXPECT_EQ(format_timestamp(date.begin()), "2026-02-28T16:00:00.000000Z");
    EXPECT_EQ(ChinaDate::containing(date.begin()), date);
    EXPECT_EQ(ChinaDate::containing(date.begin() - std::chrono::microseconds(1)).text(), "2026-02-28");
    EXPECT_EQ(date.text(), "2026-03-01");
    EXPECT_LT(ChinaDate::parse("2025-12-31").value(), date);
}

TEST(ChinaDate, OnlyDatesOfTheCalendarAreRead) {
    EXPECT_TRUE(ChinaDate::parse("2024-02-29"));
    for (const std::string_view text :
         {"", "2026-02-29", "2026-13-01", "2026-4-1", "2026-04-01 ", "2026-04-01T00:00:00Z", "20260401"}) {
        const auto read = ChinaDate::parse(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, "date.malformed");
    }
}

TEST(ChinaDate, AnOrganisationCountsInAMonthAtWhoseEndItExists) {
    const ChinaMonth april{2026, 4};
    Organisation organisation;
    EXPECT_TRUE(exists_at_end_of(april, organisation));
    organisation.founded = ChinaDate{2026, 4, 30};
    EXPECT_TRUE(exists_at_end_of(april, organisation));
    EXPECT_FALSE(exists_at_end_of({2026, 3}, organisation));
    organisation.dissolved = ChinaDate{2026, 5, 1};
    EXPECT_TRUE(exists_at_end_of(april, organisation)) << "it was there until the month's end";
    organisation.dissolved = ChinaDate{2026, 4, 30};
    EXPECT_FALSE(exists_at_end_of(april, organisation));
}

} // namespace
} // namespace ukey
