// SPDX-License-Identifier: Apache-2.0
#include "tools/report/assessment_output.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "daemon/core/csv.hpp"
#include "tests/support/assessment_sample.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tools/report/assessment_words.hpp"
#include "tools/report/call_list.hpp"

namespace {

using namespace ukey;
using namespace ukey::ctl;
using ukey::test::empty_assessment;
using ukey::test::sample_assessment;
using ukey::test::TemporaryFolder;

constexpr std::size_t sample_size = 150; // three for each of the fifty units

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::string rendered(const MonthAssessment& assessment, AssessmentFormat format) {
    const TemporaryFolder folder;
    const std::string path = folder.path() / "report";
    const auto written = render_assessment(assessment, format, path, {});
    EXPECT_TRUE(written) << (written ? "" : written.error().code);
    return read(path);
}

TEST(AssessmentOutput, FormatsHaveNames) {
    for (const std::string& name : assessment_format_names()) {
        EXPECT_TRUE(parse_assessment_format(name)) << name;
    }
    EXPECT_EQ(parse_assessment_format("xlsx"), AssessmentFormat::xlsx);
    EXPECT_FALSE(parse_assessment_format("pdf"));
}

TEST(AssessmentOutput, EveryFormatOfAnEmptyRegistry) {
    for (const AssessmentScope scope : {AssessmentScope::workstation, AssessmentScope::district}) {
        const MonthAssessment assessment = empty_assessment(scope);
        for (const std::string& name : assessment_format_names()) {
            EXPECT_FALSE(rendered(assessment, *parse_assessment_format(name)).empty()) << name;
        }
        EXPECT_TRUE(contains(rendered(assessment, AssessmentFormat::table), "0 of 0 met, – %"));
    }
}

TEST(AssessmentOutput, TheSameAssessmentGivesTheSameBytes) {
    const MonthAssessment assessment = sample_assessment(AssessmentScope::district, sample_size);
    for (const std::string& name : assessment_format_names()) {
        const AssessmentFormat format = *parse_assessment_format(name);
        EXPECT_EQ(rendered(assessment, format), rendered(assessment, format)) << name;
    }
}

TEST(AssessmentOutput, EveryFormatSaysWhatItRestsOn) {
    for (const auto& [scope, words] : {std::pair{AssessmentScope::workstation, "his computer"},
                                       {AssessmentScope::district, "he workstations"}}) {
        const MonthAssessment assessment = sample_assessment(scope, sample_size);
        for (const AssessmentFormat format :
             {AssessmentFormat::table, AssessmentFormat::csv, AssessmentFormat::html}) {
            const std::string text = rendered(assessment, format);
            EXPECT_TRUE(contains(text, words)) << text.substr(0, 400);
            EXPECT_TRUE(contains(text, "platform") && contains(text, "record"));
        }
    }
}

TEST(AssessmentOutput, TableHasEveryUnitAndItsPoints) {
    const MonthAssessment assessment = sample_assessment(AssessmentScope::district, sample_size);
    const std::string text = rendered(assessment, AssessmentFormat::table);
    for (const UnitAssessment& unit : assessment.units) {
        EXPECT_TRUE(contains(text, "\n" + unit.code + " " + unit.name + ": ")) << unit.code;
    }
    // Unit 05: one without logins, one without a key, one whose administrator has no valid number.
    EXPECT_TRUE(contains(text, "deduction 0.50 + 0.50 + 0.50 = 1.50 points")) << text;
    EXPECT_TRUE(contains(text, "One U-Key was used for more than one organisation."));
    EXPECT_TRUE(contains(text, "李渡办公室")); // the workstation by its name
}

TEST(AssessmentOutput, CsvHasARowForEachAndNoFormula) {
    const MonthAssessment assessment = sample_assessment(AssessmentScope::workstation, sample_size);
    const std::string text = rendered(assessment, AssessmentFormat::csv);
    ASSERT_TRUE(text.starts_with(utf8_byte_order_mark));
    const auto rows = parse_csv(std::string_view(text).substr(utf8_byte_order_mark.size()));
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), assessment.organisations.size() + 1);
    for (const CsvRow& row : *rows) {
        EXPECT_EQ(row.cells.size(), rows->front().cells.size()) << row.line;
        for (const std::string& cell : row.cells) {
            EXPECT_TRUE(cell.empty() || std::string_view("=+-@").find(cell.front()) == std::string_view::npos)
                << cell;
        }
    }
    EXPECT_EQ((*rows)[1].cells[2], "00000001");
    EXPECT_EQ((*rows)[3].cells[4], "'" + assessment.organisations[2].organisation.name());
}

TEST(AssessmentOutput, JsonIsWrittenRowByRow) {
    const MonthAssessment assessment = sample_assessment(AssessmentScope::district, sample_size);
    const std::string text = rendered(assessment, AssessmentFormat::json);
    const boost::json::value report = boost::json::parse(text);
    EXPECT_EQ(report.at("rows").as_array().size(), sample_size);
    EXPECT_EQ(report.at("month"), "2026-04");
    // A row a line, the rest in the last: what reads it need not hold it all.
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), sample_size + 2);
}

TEST(AssessmentOutput, SpreadsheetNeedsAFileThatCanBeWritten) {
    const auto written = render_assessment(sample_assessment(AssessmentScope::workstation, 3),
                                           AssessmentFormat::xlsx, "/nonexistent/report.xlsx", {});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, "file.unwritable");
}

TEST(AssessmentOutput, PageEscapesWhatPeopleTyped) {
    const std::string page =
        rendered(sample_assessment(AssessmentScope::district, sample_size), AssessmentFormat::html);
    EXPECT_FALSE(contains(page, "<script"));
    EXPECT_FALSE(contains(page, "<b>大木乡"));
    EXPECT_TRUE(contains(page, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;支部&#39;"));
}

TEST(AssessmentWords, PercentIsWholeOnlyWhenNothingIsMissing) {
    EXPECT_EQ(percent_hundredths(2, 3), 6667U);
    EXPECT_EQ(percent_hundredths(1, 3), 3333U);
    EXPECT_EQ(percent_hundredths(119'999, 120'000), 9999U);
    EXPECT_EQ(percent_hundredths(120'000, 120'000), 10'000U);
    EXPECT_EQ(percent_hundredths(0, 7), 0U);
    EXPECT_EQ(percent_text(6667), "66.67");
    EXPECT_EQ(percent_text(5), "0.05");
}

TEST(AssessmentWords, AMonthThatNoLedgerReachesTheEndOf) {
    MonthAssessment assessment = sample_assessment(AssessmentScope::workstation, 1);
    EXPECT_EQ(unfinished_note(assessment), "");
    assessment.ledgers.front().vouched_until = assessment.month.end() - std::chrono::hours(8);
    EXPECT_TRUE(contains(unfinished_note(assessment), "reach to 2026-04-30 16:00,"));
    assessment.ledgers.clear();
    EXPECT_EQ(unfinished_note(assessment), "");
}

TEST(AssessmentWords, RangesOnlyWhereTheEndsDiffer) {
    EXPECT_EQ(points_range(Points{935}, Points{935}), "9.35");
    EXPECT_EQ(points_range(Points{0}, Points{1000}), "0.00–10.00");
    Rate rate;
    EXPECT_EQ(percent_range(rate), "–");
    rate.required = rate.fulfilled_max = 4;
    rate.fulfilled_min = 3;
    EXPECT_EQ(percent_range(rate), "75.00–100.00");
    EXPECT_EQ(days_text(1U << 0 | 1U << 2 | 1U << 26), "1, 3, 27");
}

TEST(AssessmentWords, EveryReasonAndDoubtIsExplained) {
    for (const char* code : {"own_logins",
                             "answered_for",
                             "too_few_logins",
                             "too_few_logins_seen_here",
                             "founded_within_month",
                             "kind",
                             "not_assessed",
                             "workstation.missing",
                             "workstation.incomplete",
                             "coverage.service_away",
                             "coverage.filter_version",
                             "coverage.pin_state",
                             "coverage.modules_changed",
                             "clock.uncertain",
                             "logins.by_mobile_terminal",
                             "conflict.key_with_two_organisations",
                             "conflict.key_on_two_computers",
                             "bundle.fork",
                             "bundle.cut_tail",
                             "bundle.gap",
                             "bundle.restored"}) {
        EXPECT_NE(explain_reason(code), code);
    }
}

TEST(CallList, TheOneAboveIsCalledWhereThereIsNoNumber) {
    std::vector<OrganisationAssessment> rows(2);
    rows[0].organisation.path = {"甲", "乙"};
    rows[0].organisation.administrator = Administrator{.name = "上级", .mobile = "13800000001"};
    rows[1].organisation.path = {"甲", "乙", "丙", "丁"};
    const CallList calls(rows);
    EXPECT_EQ(calls.contact_of(rows[1]).mobile, "13800000001");
    EXPECT_EQ(calls.contact_of(rows[1]).of, "甲 - 乙");
    rows[1].organisation.administrator = Administrator{.name = "自己", .mobile = "13900000002"};
    EXPECT_EQ(calls.contact_of(rows[1]).name, "自己");
    EXPECT_TRUE(calls.contact_of(rows[1]).of.empty());
}

TEST(CallList, WhomTheCallerMayNotSeeIsNotMissing) {
    std::vector<OrganisationAssessment> rows(1);
    rows[0].organisation.path = {"甲"};
    const CallList calls(rows);
    EXPECT_FALSE(calls.contact_of(rows[0]).hidden);
    rows[0].administrator = AdministratorState::known;
    EXPECT_TRUE(calls.contact_of(rows[0]).hidden);
    EXPECT_EQ(name_or_reason(calls.contact_of(rows[0])), "shown to operators only");
}

} // namespace
