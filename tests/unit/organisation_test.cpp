// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/organisation.hpp"

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

Error read_error(std::string_view text) {
    const auto rows = read_registry("r.csv", text);
    EXPECT_FALSE(rows.has_value()) << text;
    return rows ? Error{} : rows.error();
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

TEST(ReadRegistry, ReadsEveryColumn) {
    const auto rows =
        rows_of("组织代码,隶属关系,类别,考核单位,应配UK,手机终端,代为履行,管理员姓名,联系手机\r\n"
                "00123,涪陵区委 - 教工支部,党支部,李渡街道党工委,否,是,00100,张三,13812345678\r\n");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].line, 2U);
    Organisation expected = organisation("00123", {"涪陵区委", "教工支部"});
    expected.kind = OrganisationKind::branch;
    expected.assessed_unit = "01";
    expected.key_required = false;
    expected.mobile_terminal = true;
    expected.answered_for_by = "00100";
    expected.administrator = Administrator{"张三", "13812345678"};
    EXPECT_EQ(rows[0].organisation, expected);
    EXPECT_EQ(rows[0].organisation.name(), "教工支部");
}

TEST(ReadRegistry, UnderstandsEnglishColumnsInAnyOrderAndForeignOnes) {
    const auto rows = rows_of("Note,CODE,path\n\"x\",7,区委\n");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].organisation, organisation("7", {"区委"}));
    EXPECT_TRUE(rows[0].organisation.key_required);
    EXPECT_FALSE(rows[0].organisation.administrator.has_value());
}

TEST(ReadRegistry, ReadsGb18030) {
    const auto rows = rows_of("path,code\n\xBD\xCC\xB9\xA4\xD6\xA7\xB2\xBF,1\n");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].organisation.name(), "教工支部");
}

TEST(ReadRegistry, SkipsBlankRowsAndShortRows) {
    const auto rows = rows_of("path,code,kind\n区委,1\n,,\n \u3000,,\n\n二,2,工委\n");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].organisation.kind, OrganisationKind::branch);
    EXPECT_EQ(rows[1].line, 6U);
    EXPECT_EQ(rows[1].organisation.kind, OrganisationKind::committee);
}

TEST(ReadRegistry, NamesTheMissingColumn) {
    const Error error = read_error("code,kind\n1,branch\n");
    EXPECT_EQ(error.code, "registry.missing_column");
    EXPECT_EQ(error.object, "r.csv:1");
    EXPECT_EQ(error.reason, "path (隶属关系)");
    EXPECT_EQ(read_error("").code, "registry.missing_column");
    EXPECT_EQ(read_error("code,path,组织代码\n").code, "registry.bad_cell");
}

TEST(ReadRegistry, NamesLineAndFieldOfABadCell) {
    struct Case {
        std::string cells; // path, code, kind, assessed_unit, key_required, mobile
        std::string field;
    };
    const std::vector<Case> cases = {
        {",1,,,,", "path (隶属关系)"},
        {"区委 -  - 支部,1,,,,", "path (隶属关系)"},
        {"区委,,,,,", "code (组织代码)"},
        {"区委,1.23457E+11,,,,", "code (组织代码)"},
        {"区委,1,党组,,,", "kind (类别)"},
        {"区委,1,,51,,", "assessed_unit (考核单位)"},
        {"区委,1,,,也许,", "key_required (应配UK)"},
        {"区委,1,,,,1.38E+10", "mobile (联系手机)"},
    };
    for (const Case& wrong : cases) {
        const Error error =
            read_error("path,code,kind,assessed_unit,key_required,mobile\n一,0,,,,\n" + wrong.cells + "\n");
        EXPECT_EQ(error.code, "registry.bad_cell") << wrong.cells;
        EXPECT_EQ(error.object, "r.csv:3") << wrong.cells;
        EXPECT_EQ(error.reason.substr(0, wrong.field.size()), wrong.field) << wrong.cells;
    }
}

TEST(ReadRegistry, ShowsTheCharacterThatCannotBeSeen) {
    EXPECT_EQ(read_error("path,code\n区委\u200B党校,1\n").reason,
              "path (隶属关系): has a character that cannot be seen, U+200B");
    EXPECT_NE(read_error("path,code\n\"区委\n党校\",1\n").reason.find("U+000A"), std::string::npos);
    EXPECT_NE(read_error("path,code\n区委,1\uFEFF\n").reason.find("U+FEFF"), std::string::npos);
    EXPECT_NE(read_error("path,code,administrator\n区委,1,张\uFFFD\n").reason.find("U+FFFD"),
              std::string::npos);
}

TEST(ReadRegistry, NormalisesNamesAndTrimsButChangesNothingInside) {
    const auto rows = rows_of("path,code\n\u3000区委（e\u0301） - 教 工〇支部 ,1\n");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].organisation.path, (Path{"区委（\u00E9）", "教 工〇支部"}));
}

TEST(ReadRegistry, TakesTheFormulaGuardOff) {
    const auto rows = rows_of("path,code,administrator\n" + csv_line({"区委", "-7", "'张三"}));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].organisation.code, "-7");
    EXPECT_EQ(rows[0].organisation.administrator->name, "'张三");
}

TEST(ReadRegistry, UnderstandsYesAndNo) {
    for (const std::string yes : {"是", "yes", "TRUE", "1", "１", "有"}) {
        EXPECT_TRUE(rows_of("path,code,手机终端\n区委,1," + yes + "\n").at(0).organisation.mobile_terminal)
            << yes;
    }
    for (const std::string no : {"否", "No", "false", "0", "０", "无"}) {
        EXPECT_FALSE(rows_of("path,code,应配UK\n区委,1," + no + "\n").at(0).organisation.key_required) << no;
    }
}

TEST(ReadRegistry, KnowsTheFiftyAssessedUnits) {
    const auto unit = [](const std::string& cell) {
        return rows_of("path,code,assessed_unit\n区委,1," + cell + "\n").at(0).organisation.assessed_unit;
    };
    EXPECT_EQ(unit("01"), "01");
    EXPECT_EQ(unit("1"), "01") << "a spreadsheet dropped the zero";
    EXPECT_EQ(unit("50"), "50");
    EXPECT_EQ(unit("区委两新工委"), "50");
    EXPECT_EQ(unit("涪陵新城区委工委"), "27");
    EXPECT_EQ(read_error("path,code,assessed_unit\n区委,1,short_name\n").code, "registry.bad_cell");
}

TEST(ReadRegistry, PassesOnErrorsOfTheLayersBelow) {
    const Error quote = read_error("path,code\n区委,1\n\"区委,2\n");
    EXPECT_EQ(quote.code, "csv.unclosed_quote");
    EXPECT_EQ(quote.object, "r.csv:3");
    const Error bytes = read_error("path,code\n\xFF\xFF,1\n");
    EXPECT_EQ(bytes.code, "text.undecodable");
    EXPECT_EQ(bytes.object, "r.csv");
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

TEST(Columns, AreThoseOfTheHeader) {
    const auto columns = registry_columns();
    ASSERT_EQ(columns.size(), 9U);
    EXPECT_EQ(columns[0].english, "path");
    EXPECT_TRUE(columns[0].required);
    EXPECT_EQ(columns[8].chinese, "联系手机");
    EXPECT_FALSE(columns[8].required);
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
