// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/organisation.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

using Path = std::vector<std::string>;

TEST(Path, IsSplitAtTheNoticesSeparator) {
    const Path expected = {"重庆市委", "沙坪坝区委", "区委党校", "教工支部"};
    EXPECT_EQ(split_path("重庆市委 - 沙坪坝区委 - 区委党校 - 教工支部"), expected);
    EXPECT_EQ(split_path("  重庆市委 － 沙坪坝区委  –  区委党校\u3000-\u3000教工支部 "), expected);
    EXPECT_EQ(split_path("重庆市委 / 沙坪坝区委 / 区委党校 ／ 教工支部"), expected);
    EXPECT_EQ(split_path("重庆市委/沙坪坝区委／区委党校/教工支部"), expected);
    EXPECT_EQ(join_path(expected), "重庆市委 - 沙坪坝区委 - 区委党校 - 教工支部");
    EXPECT_EQ(split_path(join_path(expected)), expected);
}

TEST(Path, NamesMayHaveHyphensAndSlashesInside) {
    EXPECT_EQ(split_path("机关一-二支部"), (Path{"机关一-二支部"}));
    EXPECT_EQ(split_path("区委 - A/B公司支部"), (Path{"区委", "A/B公司支部"}));
    EXPECT_EQ(split_path("区委 - 一-二支部"), (Path{"区委", "一-二支部"}));
    EXPECT_EQ(split_path("区委 -支部"), (Path{"区委 -支部"}));
}

TEST(Path, EmptyNamesAreKeptForTheReaderToRefuse) {
    EXPECT_EQ(split_path(""), (Path{""}));
    EXPECT_EQ(split_path("区委 - "), (Path{"区委", ""}));
    EXPECT_EQ(split_path("区委 - - 支部"), (Path{"区委", "", "支部"}));
}

TEST(Mobile, IsElevenDigits) {
    for (const std::string_view good : {"13812345678", "138 1234 5678", "199-1234-5678"}) {
        EXPECT_TRUE(is_valid_mobile(good)) << good;
    }
    for (const std::string_view bad :
         {"", "1381234567", "138123456789", "12812345678", "23812345678", "1381234567a", "13812345678 ",
          " 13812345678", "１３８12345678", "+8613812345678"}) {
        EXPECT_FALSE(is_valid_mobile(bad)) << bad;
    }
}

TEST(OrganisationKind, IsReadAndWritten) {
    for (const OrganisationKind kind : {OrganisationKind::committee, OrganisationKind::general_branch,
                                        OrganisationKind::branch, OrganisationKind::other}) {
        EXPECT_EQ(parse_organisation_kind(to_string(kind)), kind);
    }
    EXPECT_EQ(parse_organisation_kind("党总支"), OrganisationKind::general_branch);
    EXPECT_EQ(parse_organisation_kind("党组"), std::nullopt);
}

} // namespace
} // namespace ukey
