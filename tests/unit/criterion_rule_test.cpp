// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/criterion_rule.hpp"

#include <gtest/gtest.h>

#include "daemon/core/certificate.hpp"

namespace ukey {
namespace {

/// The least that a rule file says.
constexpr std::string_view least = R"(name = "1"
valid_from = "2020-01"
[coverage]
deduction_per_percent = 0.5
deduction_max = 10
senior_kinds = ["committee"]
[administrators]
deduction_per_percent = 1
deduction_max = 9.75
kinds = ["branch"]
[login]
deduction_per_percent = 0.29
deduction_max = 10.0
kinds = ["branch", "other"]
grades = ["attested"]
)";

/// The least, and a line more at its end, in [login].
Result<CriterionRule> least_and(std::string_view line) {
    return CriterionRule::parse("r.toml", std::string(least) + std::string(line) + "\n");
}

std::string replaced(std::string_view old_text, std::string_view new_text) {
    std::string text(least);
    return text.replace(text.find(old_text), old_text.size(), new_text);
}

LoginSession session(std::uint64_t uses, const std::string& executable = "/usr/bin/vpn") {
    LoginSession made;
    made.uses = uses;
    made.executable = executable;
    return made;
}

TEST(CriterionRule, TheBuiltInRuleIsThatOf2013) {
    const CriterionRule& rule = CriterionRule::built_in();
    EXPECT_EQ(rule.name, "2013");
    EXPECT_EQ(rule.valid_from.text(), "2013-04");
    EXPECT_FALSE(rule.valid_to);
    EXPECT_EQ(rule.rounding, Rounding::proportional);
    EXPECT_EQ(rule.coverage.deduction.points, Points{1500});
    EXPECT_EQ(rule.coverage.deduction.per_percent, Points{50});
    EXPECT_EQ(rule.coverage.deduction.max, Points{1000});
    EXPECT_EQ(rule.coverage.combine, Combination::larger);
    EXPECT_EQ(rule.coverage.senior_kinds,
              (std::vector{OrganisationKind::committee, OrganisationKind::general_branch}));
    for (const Deduction& deduction : {rule.administrators.deduction, rule.login.deduction}) {
        EXPECT_EQ(deduction.per_percent, Points{20});
        EXPECT_EQ(deduction.max, Points{1000});
        EXPECT_FALSE(deduction.points);
    }
    EXPECT_EQ(rule.login.sessions_required, 1U);
    EXPECT_EQ(rule.login.delegation, Delegation::superior);
    EXPECT_FALSE(rule.login.founded_within_month_required);
}

TEST(CriterionRule, WhatAFileDoesNotSayIsAsIn2013) {
    const auto rule = CriterionRule::parse("r.toml", least);
    ASSERT_TRUE(rule) << to_string(rule.error());
    EXPECT_EQ(rule->administrators.deduction.per_percent, Points{100});
    EXPECT_EQ(rule->administrators.deduction.max, Points{975});
    EXPECT_EQ(rule->login.deduction.per_percent, Points{29}) << "0.29 · 100 is 28.999… in binary";
    EXPECT_FALSE(rule->coverage.deduction.points);
    EXPECT_TRUE(rule->coverage.mobile_terminal_covers);
    EXPECT_EQ(rule->login.sessions_required, 1U);
    EXPECT_EQ(rule->sha256, sha256_hex(least));
    EXPECT_NE(least_and("# a remark").value().sha256, rule->sha256);
}

TEST(CriterionRule, EverySettingIsRead) {
    const auto rule = CriterionRule::parse(
        "r.toml", "rounding = 'full_percent'\nvalid_to = '2021-12'\n" +
                      replaced("[administrators]", "points = 15.5\nmobile_terminal_covers = false\n"
                                                   "combine = 'sum'\n[administrators]\npoints = 1\n") +
                      "points = 2\nsessions_required = 3\napplications = ['vpn']\ndelegation = 'none'\n"
                      "founded_within_month = 'required'\n");
    ASSERT_TRUE(rule) << to_string(rule.error());
    EXPECT_EQ(rule->rounding, Rounding::full_percent);
    EXPECT_EQ(rule->valid_to.value().text(), "2021-12");
    EXPECT_EQ(rule->coverage.deduction.points, Points{1550});
    EXPECT_FALSE(rule->coverage.mobile_terminal_covers);
    EXPECT_EQ(rule->coverage.combine, Combination::sum);
    EXPECT_EQ(rule->administrators.deduction.points, Points{100});
    EXPECT_EQ(rule->login.deduction.points, Points{200});
    EXPECT_EQ(rule->login.sessions_required, 3U);
    EXPECT_EQ(rule->login.applications, std::vector<std::string>{"vpn"});
    EXPECT_EQ(rule->login.delegation, Delegation::none);
    EXPECT_TRUE(rule->login.founded_within_month_required);
}

TEST(CriterionRule, AMistakeIsNamedWithItsPlace) {
    for (const std::string_view line :
         {"sessions = 1", "sessions_required = 0", "sessions_required = 1001", "sessions_required = 1.0",
          "points = 0.125", "points = -1", "points = 1001", "points = nan", "points = '1'",
          "delegation = 'all'", "founded_within_month = true", "applications = 'vpn'", "applications = [1]",
          "applications = ['']"}) {
        const auto read = least_and(line);
        ASSERT_FALSE(read) << line;
        EXPECT_EQ(read.error().code, "config.bad_value");
        EXPECT_EQ(read.error().object, "r.toml:16") << line;
    }
    EXPECT_EQ(CriterionRule::parse("r.toml", replaced("\"attested\"", "\"told\"")).error().object,
              "r.toml:15");
    EXPECT_EQ(CriterionRule::parse("r.toml", replaced("\"2020-01\"", "2020-01-01")).error().object,
              "r.toml:2");
    EXPECT_EQ(CriterionRule::parse("r.toml", "valid_to = '2019-12'\n" + std::string(least)).error().code,
              "config.bad_value");
    EXPECT_EQ(CriterionRule::parse("r.toml", "name = \n").error().code, "config.syntax");
    EXPECT_EQ(CriterionRule::load("/nonexistent/rule.toml").error().code, "config.unreadable");
}

TEST(CriterionRule, NothingThatIsNeededMayBeMissing) {
    for (const std::string_view key :
         {"name", "valid_from", "deduction_per_percent = 0.5", "deduction_max = 9.75", "senior_kinds",
          "kinds = [\"branch\"]", "grades"}) {
        const auto read = CriterionRule::parse("r.toml", replaced(key, "# " + std::string(key)));
        ASSERT_FALSE(read) << key;
        EXPECT_NE(read.error().reason.find("is missing"), std::string::npos) << read.error().reason;
    }
}

TEST(CriterionRule, IsRefusedForAMonthOutsideItsValidity) {
    CriterionRule rule = CriterionRule::built_in();
    EXPECT_EQ(rule.check_valid_in({2013, 3}).error().code, "rule.not_valid_then");
    EXPECT_EQ(rule.check_valid_in({2013, 3}).error().object, "2013-03");
    EXPECT_TRUE(rule.check_valid_in({2013, 4}));
    EXPECT_TRUE(rule.check_valid_in({2026, 4}));
    rule.valid_to = ChinaMonth{2014, 12};
    EXPECT_TRUE(rule.check_valid_in({2014, 12}));
    EXPECT_FALSE(rule.check_valid_in({2015, 1}));
}

TEST(CriterionRule, ASessionCountsWhenTheKeyWasUsedByAnAllowedApplication) {
    CriterionRule rule = CriterionRule::built_in();
    EXPECT_TRUE(counts(session(1), rule));
    EXPECT_FALSE(counts(session(0), rule));
    rule.login.applications = {"firefox"};
    EXPECT_FALSE(counts(session(1), rule));
    EXPECT_TRUE(counts(session(1, "/opt/x/firefox"), rule));
    EXPECT_TRUE(counts(1, EvidenceGrade::late, "firefox", rule)) << "a file name alone";
    rule.login.grades = {EvidenceGrade::attested};
    EXPECT_FALSE(counts(session(1, "/opt/x/firefox"), rule));
}

} // namespace
} // namespace ukey
