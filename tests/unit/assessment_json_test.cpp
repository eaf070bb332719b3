// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/assessment_json.hpp"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace ukey {
namespace {

constexpr ChinaMonth april{2026, 4};

Organisation branch() {
    Organisation made;
    made.code = "0012";
    made.path = {"区委", "支部"};
    made.kind = OrganisationKind::general_branch;
    made.assessed_unit = "01";
    made.answered_for_by = "0001";
    made.administrator = Administrator{"张三", "13800000001"};
    made.founded = ChinaDate{2013, 4, 1};
    made.dissolved = ChinaDate{2026, 5, 1};
    return made;
}

/// Everything that can be there is there.
MonthAssessment everything() {
    const Timestamp begin = april.begin();
    MonthFacts facts;
    facts.month = april;
    facts.scope = AssessmentScope::district;
    OrganisationFacts one;
    one.organisation = branch();
    one.keys = 1;
    one.sessions = {{.workstation = std::string(64, 'a'),
                     .login = std::string(32, '1'),
                     .key_id = "0a",
                     .started = begin + std::chrono::microseconds(1),
                     .grade = EvidenceGrade::attested,
                     .uses = 3}};
    one.platform_logins = 7;
    OrganisationFacts two;
    two.organisation.code = "0001";
    two.organisation.path = {"区委"};
    two.doubts = {{"coverage.filter_version", std::string(64, 'a'), begin, begin}};
    facts.organisations = {one, two};
    facts.ledgers = {{.workstation = std::string(64, 'a'),
                      .name = "甲",
                      .first_seq = 1,
                      .last_seq = 99,
                      .head = std::string(64, 'b'),
                      .vouched_until = april.end(),
                      .complete_month = true}};
    facts.registry_sha256 = std::string(64, 'c');
    facts.conflicts = {{.code = "conflict.key_with_two_organisations",
                        .key_id = "0a",
                        .organisations = {"0001", "0012"},
                        .workstations = {std::string(64, 'a')},
                        .time = begin,
                        .detail = "seen twice"}};
    CriterionRule rule = CriterionRule::built_in();
    rule.valid_to = ChinaMonth{2030, 12};
    rule.login.applications = {"vpn"};
    rule.login.deduction.points = Points{2050};
    return assess(std::move(facts), rule);
}

boost::json::object report_of(const MonthAssessment& assessment) {
    boost::json::object report = summary_json(assessment);
    boost::json::array rows;
    for (const OrganisationAssessment& row : assessment.organisations) {
        rows.push_back(row_json(row, assessment));
    }
    report["rows"] = std::move(rows);
    return report;
}

TEST(AssessmentJson, ComesBackAsItWas) {
    const MonthAssessment assessment = everything();
    const std::string text = boost::json::serialize(report_of(assessment));
    const auto read = assessment_from_json(boost::json::parse(text).as_object());
    ASSERT_TRUE(read) << to_string(read.error());
    EXPECT_EQ(boost::json::serialize(report_of(*read)), text);
    EXPECT_EQ(read->organisations[0].organisation, assessment.organisations[0].organisation);
    EXPECT_EQ(read->organisations[0].days, 1U);
    EXPECT_EQ(read->organisations[0].evidence[0].grade, EvidenceGrade::attested);
    EXPECT_EQ(read->organisations[0].platform_logins, 7U);
    EXPECT_EQ(read->organisations[1].login, LoginStatus::cannot_tell);
    EXPECT_EQ(read->organisations[1].doubts[0].to, april.begin());
    EXPECT_EQ(read->total.deduction_max, assessment.total.deduction_max);
    EXPECT_EQ(read->rule.coverage.deduction.per_percent, Points{50});
    EXPECT_EQ(read->rule.login.deduction.points, Points{2050});
    EXPECT_EQ(read->ledgers[0].last_seq, 99U);
}

TEST(AssessmentJson, HasTheMembersThatItAlwaysHad) {
    const boost::json::object report = report_of(everything());
    const boost::json::object& row = report.at("rows").at(1).as_object();
    EXPECT_EQ(row.at("organisation").at("name"), "区委");
    EXPECT_EQ(row.at("assessed_unit"), "");
    EXPECT_EQ(row.at("status"), "cannot_tell");
    EXPECT_EQ(row.at("reason"), "coverage.filter_version");
    EXPECT_EQ(row.at("counted_sessions"), 0);
    EXPECT_EQ(row.at("required"), 1);
    EXPECT_TRUE(row.at("via").is_null());
    EXPECT_TRUE(row.at("last_login").is_null());
    EXPECT_EQ(report.at("month"), "2026-04");
    EXPECT_EQ(report.at("rule").at("name"), "2013");
    EXPECT_EQ(report.at("rule").at("sessions_required"), 1);
    EXPECT_EQ(report.at("units").at(0).at("code"), "01");
    EXPECT_EQ(report.at("units").at(0).at("percent"), 100.0);
    EXPECT_EQ(report.at("totals").at("met"), 1);
    EXPECT_EQ(report.at("totals").at("cannot_tell"), 1);
    EXPECT_EQ(report.at("totals").at("not_seen_here"), 0);
    EXPECT_EQ(report.at("totals").at("login").at("deduction_max"), "10.00");
    EXPECT_EQ(report.at("basis").at("evidence"), "seen_by_the_workstations");
}

/// Told for people and programs, but derived from the rest.
bool is_derived(std::string_view name) {
    constexpr std::array names{"met",     "not_met",  "not_seen_here", "cannot_tell", "not_required",
                               "percent", "evidence", "name",          "required"};
    return std::ranges::find(names, name) != names.end();
}

/// Spoils, one after the other, every member of `place` and of what is in it.
void expect_needed(boost::json::value& whole, boost::json::value& place) {
    if (place.is_array()) {
        for (boost::json::value& entry : place.get_array()) {
            expect_needed(whole, entry);
        }
    }
    if (!place.is_object()) {
        return;
    }
    for (auto& member : place.get_object()) {
        const boost::json::value kept = member.value();
        member.value() = boost::json::array{boost::json::array()};
        const auto read = assessment_from_json(whole.get_object());
        EXPECT_TRUE(!read || is_derived(member.key())) << member.key() << " was not looked at";
        member.value() = kept;
        expect_needed(whole, member.value());
    }
}

TEST(AssessmentJson, WhatIsWrongIsRefused) {
    const boost::json::object report = report_of(everything());
    boost::json::value whole(report);
    expect_needed(whole, whole);
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"\"days\":[1]", "\"days\":[32]"},
             {"\"days\":[1]", "\"days\":[0]"},
             {"\"attested\",\"uses\"", "\"believed\",\"uses\""},
             {"\"10.00\"", "\"10.0\""},
             {"\"10.00\"", "\"1000\""},
             {"\"2026-04\"", "\"2026-13\""},
             {"\"counted_sessions\":1", "\"counted_sessions\":-1"}}) {
        std::string text = boost::json::serialize(report);
        ASSERT_NE(text.find(from), std::string::npos) << from;
        text.replace(text.find(from), from.size(), to);
        EXPECT_FALSE(assessment_from_json(boost::json::parse(text).as_object())) << to;
    }
    EXPECT_FALSE(assessment_from_json({}));
}

} // namespace
} // namespace ukey
