// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/registry_check.hpp"

#include <ctime>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ukey {
namespace {

using Path = std::vector<std::string>;

std::vector<RegistryRow> rows_of(std::string_view text) {
    auto rows = read_registry("r.csv", text);
    EXPECT_TRUE(rows.has_value()) << (rows ? "" : to_string(rows.error()));
    return rows.value_or(std::vector<RegistryRow>{});
}

Error check_error(std::string_view text, const std::vector<Organisation>& known = {}) {
    const auto checked = check_registry("r.csv", rows_of(text), known);
    EXPECT_FALSE(checked.has_value()) << text;
    return checked ? Error{} : checked.error();
}

Organisation organisation(std::string code, Path path) {
    Organisation made;
    made.code = std::move(code);
    made.path = std::move(path);
    return made;
}

TEST(CheckRegistry, AcceptsAWholeTree) {
    const auto rows = rows_of("path,code,answered_for_by\n一 - 二 - 三,3,2\n一,1,\n一 - 二,2,1\n");
    EXPECT_TRUE(check_registry("r.csv", rows, {}).has_value());
}

TEST(CheckRegistry, RefusesDuplicates) {
    const Error code = check_error("path,code\n一,1\n二,1\n");
    EXPECT_EQ(code.code, "registry.duplicate");
    EXPECT_EQ(code.object, "r.csv:3");
    EXPECT_EQ(code.reason, "code (组织代码): “1” is also in line 2");
    const Error path = check_error("path,code\n一,1\n一,2\n");
    EXPECT_EQ(path.code, "registry.duplicate");
    EXPECT_EQ(path.reason, "path (隶属关系): “一” is also the path of line 2");
    EXPECT_EQ(check_error("path,code\n一,2\n", {organisation("1", {"一"})}).code, "registry.duplicate");
}

TEST(CheckRegistry, TheSameNameUnderTwoParentsIsNoDuplicate) {
    const auto rows = rows_of("path,code\n一,1\n二,2\n一 - 教工支部,3\n二 - 教工支部,4\n");
    EXPECT_TRUE(check_registry("r.csv", rows, {}).has_value());
}

TEST(CheckRegistry, ARowReplacesTheKnownOrganisationOfItsCode) {
    const auto rows = rows_of("path,code\n新名,1\n");
    EXPECT_TRUE(check_registry("r.csv", rows, {organisation("1", {"旧名"})}).has_value());
    const auto exchanged = rows_of("path,code\n二,1\n一,2\n");
    EXPECT_TRUE(check_registry("r.csv", exchanged, {organisation("1", {"一"}), organisation("2", {"二"})})
                    .has_value());
}

TEST(CheckRegistry, NeedsEveryAncestor) {
    const Error error = check_error("path,code\n一,1\n一 - 二 - 三,3\n");
    EXPECT_EQ(error.code, "registry.unknown_parent");
    EXPECT_EQ(error.object, "r.csv:3");
    EXPECT_EQ(error.reason, "path (隶属关系): there is no organisation “一 - 二”");
    const auto rows = rows_of("path,code\n一 - 二 - 三,3\n");
    EXPECT_TRUE(check_registry("r.csv", rows, {organisation("1", {"一"}), organisation("2", {"一", "二"})})
                    .has_value());
}

TEST(CheckRegistry, AMoveMustNotLeaveChildrenBehind) {
    const std::vector<Organisation> known = {organisation("1", {"一"}), organisation("2", {"一", "二"})};
    const Error error = check_error("path,code\n壹,1\n", known);
    EXPECT_EQ(error.code, "registry.unknown_parent");
    EXPECT_EQ(error.object, "r.csv:2");
    EXPECT_TRUE(check_registry("r.csv", rows_of("path,code\n壹,1\n壹 - 二,2\n"), known).has_value());
}

TEST(CheckRegistry, AnsweringNeedsAKnownOrganisation) {
    const Error error = check_error("path,code,answered_for_by\n一,1,9\n");
    EXPECT_EQ(error.code, "registry.bad_cell");
    EXPECT_EQ(error.object, "r.csv:2");
    EXPECT_TRUE(
        check_registry("r.csv", rows_of("path,code,answered_for_by\n一,1,9\n"), {organisation("9", {"九"})})
            .has_value());
}

TEST(CheckRegistry, RefusesCyclesOfAnswering) {
    EXPECT_EQ(check_error("path,code,answered_for_by\n一,1,1\n").code, "registry.bad_cell");
    const Error error = check_error("path,code,answered_for_by\n零,0,1\n一,1,2\n二,2,3\n三,3,1\n");
    EXPECT_EQ(error.object, "r.csv:3");
    EXPECT_NE(error.reason.find("answers for itself"), std::string::npos);

    Organisation known = organisation("9", {"九"});
    known.answered_for_by = "1";
    EXPECT_EQ(check_error("path,code,answered_for_by\n一,1,9\n", {known}).object, "r.csv:2");
}

TEST(RegistryFindings, TellWhatIsMissing) {
    const auto rows = rows_of("path,code,administrator,mobile\n一,1,张三,13812345678\n二,2,,\n三,3,李四,"
                              "0231234\n四,4,,138 1234-5678\n");
    const auto findings = registry_findings(rows);
    ASSERT_EQ(findings.size(), 3U);
    EXPECT_EQ(findings[0].code, "organisation.no_administrator");
    EXPECT_EQ(findings[0].subject, "2");
    EXPECT_EQ(findings[0].arguments.at("organisation"), "二");
    EXPECT_EQ(findings[1].code, "organisation.bad_mobile");
    EXPECT_EQ(findings[1].subject, "3");
    EXPECT_EQ(findings[2].code, "organisation.no_administrator");
    EXPECT_EQ(findings[2].subject, "4");
}

/// A city: 120,000 rows, each under a parent, with a chain of answering. A quadratic check would take
/// minutes.
TEST(CheckRegistry, IsLinear) {
    std::string text = "path,code,answered_for_by,administrator,mobile\n重庆市委,0,,,\n";
    for (int district = 0; district < 40; ++district) {
        text += fmt::format("重庆市委 - 第{}区委,D{},0,张三,13812345678\n", district, district);
        for (int branch = 0; branch < 3000; ++branch) {
            text += fmt::format("重庆市委 - 第{0}区委 - 第{1}支部,B{0}-{1},D{0},张三,13812345678\n", district,
                                branch);
        }
    }
    const auto milliseconds = [](std::clock_t duration) { return duration * 1000 / CLOCKS_PER_SEC; };
    const std::clock_t begin = std::clock(); // processor time: other programs do not count
    const auto rows = rows_of(text);
    const std::clock_t between = std::clock();
    ASSERT_EQ(rows.size(), 120'041U);
    EXPECT_TRUE(check_registry("r.csv", rows, {}).has_value());
    const std::clock_t end = std::clock();
    RecordProperty("read_ms", std::to_string(milliseconds(between - begin)));
    RecordProperty("check_ms", std::to_string(milliseconds(end - between)));
}

} // namespace
} // namespace ukey
