// SPDX-License-Identifier: Apache-2.0
#include "tools/verbs/org_import.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace {

using namespace ukey;
using namespace ukey::ctl;

std::vector<RegistryRow> rows(std::size_t count, std::size_t name_bytes) {
    std::vector<RegistryRow> all;
    for (std::size_t i = 0; i < count; ++i) {
        RegistryRow row{.line = i + 2, .organisation = {}};
        row.organisation.code = std::to_string(i);
        row.organisation.path = {std::string(name_bytes, 'x')};
        all.push_back(std::move(row));
    }
    return all;
}

TEST(ImportFrames, AtMost500RowsEach) {
    EXPECT_TRUE(import_frames({}).empty());
    const auto frames = import_frames(rows(1001, 10));
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].size(), 500U);
    EXPECT_EQ(frames[2].size(), 1U);
    EXPECT_EQ(frames[2][0].as_object().at("line").to_number<int>(), 1002);
}

TEST(ImportFrames, LongRowsDoNotOverflowAFrame) {
    for (const auto& frame : import_frames(rows(400, 4096))) {
        EXPECT_LT(boost::json::serialize(frame).size(), import_frame_max_bytes + 1024);
    }
}

TEST(ImportRow, HasTheMembersOfAnOrganisation) {
    RegistryRow row{.line = 3, .organisation = {}};
    row.organisation.code = "00012";
    row.organisation.path = {"重庆市委", "教工支部"};
    EXPECT_TRUE(to_json(row).at("administrator").is_null());
    row.organisation.administrator = Administrator{"张三", "13800000000"};
    const auto json = to_json(row);
    EXPECT_EQ(json.at("code"), "00012");
    EXPECT_EQ(json.at("path").as_array().size(), 2U);
    EXPECT_EQ(json.at("kind"), "branch");
    EXPECT_EQ(json.at("administrator").at("mobile"), "13800000000");
}

} // namespace
