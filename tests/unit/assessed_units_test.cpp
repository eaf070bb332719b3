// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/assessed_units.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

TEST(AssessedUnits, CodesKeepTheirLeadingZero) {
    EXPECT_EQ(assessed_unit_name("01"), "李渡街道党工委");
    EXPECT_EQ(assessed_unit_name("1"), "");
    EXPECT_EQ(assessed_unit_name("50"), "区委两新工委");
    EXPECT_EQ(assessed_unit_name("51"), "");
}

TEST(AssessedUnits, AreFoundByCodeAndByShortName) {
    EXPECT_EQ(assessed_unit_code("01"), "01");
    EXPECT_EQ(assessed_unit_code("1"), "01");
    EXPECT_EQ(assessed_unit_code("区委两新工委"), "50");
    EXPECT_EQ(assessed_unit_code("code"), std::nullopt); // the table's own header
    EXPECT_EQ(assessed_unit_code(""), std::nullopt);
}

} // namespace
} // namespace ukey
