// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/registry_file.hpp"

#include <gtest/gtest.h>

#include "daemon/core/csv.hpp"

namespace ukey {
namespace {

using Path = std::vector<std::string>;

Organisation organisation(std::string code, Path path) {
    Organisation made;
    made.code = std::move(code);
    made.path = std::move(path);
    return made;
}

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

TEST(ReadRegistry, ReadsDatesAsOfficesAndSpreadsheetsWriteThem) {
    for (const std::string_view date : {"2013-04-09", "2013/4/9", "2013.04.09", "2013年4月9日"}) {
        const auto rows = rows_of("path,code,成立日期,dissolved\n区委,1," + std::string(date) + ",\n");
        ASSERT_EQ(rows.size(), 1U) << date;
        EXPECT_EQ(rows[0].organisation.founded, (ChinaDate{2013, 4, 9})) << date;
        EXPECT_FALSE(rows[0].organisation.dissolved);
    }
    for (const std::string_view date :
         {"2013-02-29", "4/9/2013", "41373", "2013-4", "2013-04/09", "2013-04-", "--", "年月日", "April"}) {
        const Error error = read_error("path,code,dissolved\n区委,1," + std::string(date) + "\n");
        EXPECT_EQ(error.code, "registry.bad_cell");
        EXPECT_NE(error.reason.find("dissolved (撤销日期)"), std::string::npos) << error.reason;
    }
    EXPECT_EQ(read_error("path,code,founded,dissolved\n区委,1,2013-04-02,2013-04-01\n").code,
              "registry.bad_cell");
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

TEST(Columns, AreThoseOfTheHeader) {
    const auto columns = registry_columns;
    ASSERT_EQ(columns.size(), 11U);
    EXPECT_EQ(columns[0].english, "path");
    EXPECT_TRUE(columns[0].required);
    EXPECT_EQ(columns[8].chinese, "联系手机");
    EXPECT_FALSE(columns[8].required);
}

} // namespace
} // namespace ukey
