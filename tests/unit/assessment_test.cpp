// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/assessment.hpp"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace ukey {
namespace {

constexpr ChinaMonth april{2026, 4};

/// Noon of a day of the month in China.
Timestamp noon(unsigned day) {
    return april.begin() + std::chrono::days(day - 1) + std::chrono::hours(12);
}

/// From the beginning of one day to the beginning of another.
TimeSpan days(unsigned from, unsigned to) {
    return {april.begin() + std::chrono::days(from - 1), april.begin() + std::chrono::days(to - 1)};
}

TimeSpan whole_month() {
    return {april.begin(), april.end()};
}

LoginEvidenceRow login_at(Timestamp started, const std::string& login) {
    LoginEvidenceRow row;
    row.login = login;
    row.started = started;
    return row;
}

OrganisationFacts facts(std::vector<std::string> path, OrganisationKind kind = OrganisationKind::branch) {
    OrganisationFacts made;
    made.organisation.code = path.back();
    made.organisation.path = std::move(path);
    made.organisation.kind = kind;
    made.organisation.assessed_unit = "01";
    made.organisation.administrator = Administrator{"张三", "13800000001"};
    made.keys = 1;
    return made;
}

OrganisationFacts without_key(OrganisationFacts made) {
    made.keys = 0;
    made.without_key = {whole_month()};
    return made;
}

OrganisationFacts with_login(OrganisationFacts made, unsigned day) {
    made.sessions.push_back(login_at(noon(day), made.organisation.code + std::to_string(day)));
    return made;
}

OrganisationFacts with_doubt(OrganisationFacts made, const std::string& code, unsigned from, unsigned to) {
    made.doubts.push_back({code, "w", days(from, to).from, days(from, to).to});
    return made;
}

MonthAssessment assess_district(std::vector<OrganisationFacts> organisations,
                                const CriterionRule& rule = CriterionRule::built_in()) {
    MonthFacts month;
    month.month = april;
    month.scope = AssessmentScope::district;
    month.organisations = std::move(organisations);
    return assess(std::move(month), rule);
}

MonthAssessment assess_workstation(std::vector<OrganisationFacts> organisations) {
    MonthFacts month;
    month.month = april;
    month.organisations = std::move(organisations);
    return assess(std::move(month), CriterionRule::built_in());
}

/// "met own_logins"
std::string login(const MonthAssessment& assessment, std::size_t index) {
    const OrganisationAssessment& result = assessment.organisations.at(index);
    return std::string(to_string(result.login)) + " " + result.reason +
           (result.via.empty() ? "" : " via " + result.via);
}

TEST(Assessment, ALoginOfItsOwnMeetsTheCriterion) {
    const auto assessed = assess_district({with_login(with_login(facts({"a"}), 1), 30), facts({"b"})});
    EXPECT_EQ(login(assessed, 0), "met own_logins");
    EXPECT_EQ(assessed.organisations[0].counted_sessions, 2U);
    EXPECT_EQ(assessed.organisations[0].days, 1U | 1U << 29U);
    EXPECT_EQ(assessed.organisations[0].last_login, noon(30));
    EXPECT_EQ(assessed.organisations[0].evidence.size(), 2U);
    EXPECT_EQ(login(assessed, 1), "not_met too_few_logins");
    EXPECT_EQ(assessed.organisations[1].last_login, std::nullopt);
}

TEST(Assessment, AMonthBeginsAndEndsAtMidnightInChina) {
    auto edges = facts({"a"});
    edges.sessions = {login_at(april.begin(), "a"),
                      login_at(april.end() - std::chrono::microseconds(1), "b")};
    EXPECT_EQ(assess_district({edges}).organisations[0].days, 1U | 1U << 29U);
}

TEST(Assessment, ASuperiorAnswersOnlyForTheTimeWithoutAKey) {
    // Its key was bound on the 11th.
    auto branch = facts({"p", "b"});
    branch.without_key = {days(1, 11)};
    const auto assessed = [&](unsigned day) {
        return login(assess_district({with_login(facts({"p"}), day), branch}), 1);
    };
    EXPECT_EQ(assessed(10), "met answered_for via p");
    EXPECT_EQ(assessed(11), "not_met too_few_logins");
    const auto both = assess_district({with_login(facts({"p"}), 10), branch});
    EXPECT_EQ(both.organisations[1].counted_sessions, 1U);
    EXPECT_EQ(both.organisations[1].evidence.front().login, "p10");
    EXPECT_EQ(both.organisations[1].days, 1U << 9U);
}

TEST(Assessment, OwnLoginsAndThoseOfWhoAnswersAddUp) {
    CriterionRule rule = CriterionRule::built_in();
    rule.login.sessions_required = 2;
    auto branch = with_login(facts({"p", "b"}), 20);
    branch.without_key = {days(1, 11)};
    const auto assessed = assess_district({with_login(facts({"p"}), 5), branch}, rule);
    EXPECT_EQ(login(assessed, 0), "not_met too_few_logins");
    EXPECT_EQ(login(assessed, 1), "met answered_for via p");
    EXPECT_EQ(assessed.organisations[1].evidence.front().login, "p5") << "in the order of their time";
    EXPECT_EQ(assessed.organisations[1].last_login, noon(20));
}

TEST(Assessment, ASuperiorWithoutAKeyPassesItOn) {
    auto parent = facts({"g", "p"});
    parent.without_key = {days(1, 11)};
    const auto assessed = [&](unsigned day) {
        return login(
            assess_district({with_login(facts({"g"}), day), parent, without_key(facts({"g", "p", "b"}))}), 2);
    };
    EXPECT_EQ(assessed(10), "met answered_for via g");
    EXPECT_EQ(assessed(20), "not_met too_few_logins") << "then the nearer one had a key itself";
}

TEST(Assessment, ASuperiorThatIsGoneIsPassedOver) {
    EXPECT_EQ(
        login(assess_district({with_login(facts({"g"}), 1), without_key(facts({"g", "gone", "b"}))}), 1),
        "met answered_for via g");
}

TEST(Assessment, TheRegistrySaysWhoAnswers) {
    auto branch = without_key(facts({"p", "b"}));
    branch.organisation.answered_for_by = "x";
    const std::vector<OrganisationFacts> organisations{with_login(facts({"p"}), 1), branch, facts({"x"})};
    EXPECT_EQ(login(assess_district(organisations), 1), "not_met too_few_logins") << "x does, not p";
    CriterionRule rule = CriterionRule::built_in();
    for (const Delegation delegation : {Delegation::registry, Delegation::none}) {
        rule.login.delegation = delegation;
        EXPECT_EQ(
            login(assess_district({with_login(facts({"p"}), 1), without_key(facts({"p", "b"}))}, rule), 1),
            "not_met too_few_logins");
    }
    branch.organisation.answered_for_by = "p";
    EXPECT_EQ(login(assess_district({with_login(facts({"p"}), 1), branch}, rule), 1),
              "not_met too_few_logins");
    rule.login.delegation = Delegation::registry;
    EXPECT_EQ(login(assess_district({with_login(facts({"p"}), 1), branch}, rule), 1),
              "met answered_for via p");
}

TEST(Assessment, NobodyAnswersInACircle) {
    auto a = without_key(facts({"a"}));
    auto b = without_key(facts({"a", "b"}));
    a.organisation.answered_for_by = "b";
    const auto assessed = assess_district({a, b});
    EXPECT_EQ(login(assessed, 0), "not_met too_few_logins");
    EXPECT_EQ(login(assessed, 1), "not_met too_few_logins");
}

TEST(Assessment, AWorkstationKnowsNoKeyButItsOwn) {
    auto named = without_key(facts({"p", "n"}));
    named.organisation.answered_for_by = "p";
    const auto assessed =
        assess_workstation({with_login(facts({"p"}), 1), without_key(facts({"p", "b"})), named});
    EXPECT_EQ(login(assessed, 0), "met own_logins");
    EXPECT_EQ(login(assessed, 1), "not_seen_here too_few_logins_seen_here") << "its key may be elsewhere";
    EXPECT_EQ(login(assessed, 2), "met answered_for via p");
    EXPECT_EQ(assessed.organisations[1].covered, Covered::cannot_tell);
    EXPECT_EQ(assessed.total.login.fulfilled_min, 2U);
    EXPECT_EQ(assessed.total.login.fulfilled_max, 3U);
    EXPECT_EQ(assessed.total.coverage.fulfilled_min, 1U);
    EXPECT_EQ(assessed.total.coverage.fulfilled_max, 3U);
}

TEST(Assessment, WhatNobodyCanTellIsNotHeldAgainstAnyone) {
    const auto own = with_doubt(facts({"a"}), "coverage.service_away", 3, 4);
    const auto assessed = assess_district({own, with_login(own, 1)});
    EXPECT_EQ(login(assessed, 0), "cannot_tell coverage.service_away");
    EXPECT_EQ(login(assessed, 1), "met own_logins") << "a login that was seen is one";
    EXPECT_EQ(assessed.organisations[0].doubts.size(), 1U);
    EXPECT_EQ(assessed.organisations[0].covered, Covered::key);
    EXPECT_EQ(assessed.total.login.fulfilled_min, 1U);
    EXPECT_EQ(assessed.total.login.fulfilled_max, 2U);
    EXPECT_EQ(assessed.total.login.deduction_min, Points{0});
    EXPECT_EQ(assessed.total.login.deduction_max, Points{1000}) << "half of them at 0.2 a percent";
}

TEST(Assessment, DoubtsOfWhoAnswersCountForTheTimeInWhichItDoes) {
    auto branch = facts({"p", "b"});
    branch.without_key = {days(1, 11)};
    const auto assessed = [&](unsigned from, unsigned to) {
        return login(assess_district({with_doubt(facts({"p"}), "coverage.service_away", from, to), branch}),
                     1);
    };
    EXPECT_EQ(assessed(10, 12), "cannot_tell coverage.service_away");
    EXPECT_EQ(assessed(10, 10), "cannot_tell coverage.service_away") << "a moment";
    EXPECT_EQ(assessed(11, 12), "not_met too_few_logins");
    EXPECT_EQ(assessed(11, 11), "not_met too_few_logins");
}

TEST(Assessment, AMissingLedgerMayHoldABinding) {
    const auto assessed =
        assess_district({with_doubt(without_key(facts({"a"})), "workstation.missing", 1, 31),
                         with_doubt(without_key(facts({"b"})), "coverage.service_away", 1, 31)});
    EXPECT_EQ(assessed.organisations[0].covered, Covered::cannot_tell);
    EXPECT_EQ(assessed.organisations[1].covered, Covered::no);
}

TEST(Assessment, AMobileTerminalCoversAndCannotBeSeen) {
    auto mobile = without_key(facts({"p", "m"}));
    mobile.organisation.mobile_terminal = true;
    auto part_of_month = facts({"p", "n"});
    part_of_month.organisation.mobile_terminal = true;
    auto with_key = part_of_month;
    part_of_month.without_key = {days(1, 11)};
    const auto assessed = assess_district({with_login(facts({"p"}), 1), mobile, part_of_month, with_key});
    EXPECT_EQ(assessed.organisations[1].covered, Covered::mobile_terminal);
    EXPECT_EQ(login(assessed, 1), "cannot_tell logins.by_mobile_terminal") << "nobody answers for it";
    EXPECT_EQ(login(assessed, 2), "cannot_tell logins.by_mobile_terminal");
    EXPECT_EQ(assessed.organisations[2].doubts.front().to, days(1, 11).to);
    EXPECT_EQ(login(assessed, 3), "not_met too_few_logins");

    CriterionRule rule = CriterionRule::built_in();
    rule.coverage.mobile_terminal_covers = false;
    const auto without = assess_district({with_login(facts({"p"}), 1), mobile}, rule);
    EXPECT_EQ(without.organisations[1].covered, Covered::no);
    EXPECT_EQ(login(without, 1), "met answered_for via p");

    // Who answers for b may have done so by a mobile terminal.
    mobile.organisation.path = {"m"};
    EXPECT_EQ(login(assess_district({mobile, without_key(facts({"m", "b"}))}), 1),
              "cannot_tell logins.by_mobile_terminal");
}

TEST(Assessment, WhoeverNeedsNoneIsNotAskedForOne) {
    auto other = facts({"o"}, OrganisationKind::other);
    auto city = without_key(facts({"c"}, OrganisationKind::committee));
    city.organisation.key_required = false;
    city.organisation.assessed_unit = "";
    auto exempt = without_key(facts({"e"}));
    exempt.organisation.key_required = false;
    auto young = facts({"y"});
    young.organisation.founded = ChinaDate{2026, 4, 1};
    auto older = facts({"z"});
    older.organisation.founded = ChinaDate{2026, 3, 31};
    const std::vector<OrganisationFacts> organisations{other, city, exempt, young, older};
    const auto assessed = assess_district(organisations);
    EXPECT_EQ(login(assessed, 0), "not_required kind");
    EXPECT_EQ(login(assessed, 1), "not_required not_assessed");
    EXPECT_EQ(login(assessed, 2), "not_met too_few_logins") << "按组织总数";
    EXPECT_EQ(login(assessed, 3), "not_required founded_within_month");
    EXPECT_EQ(login(assessed, 4), "not_met too_few_logins");
    EXPECT_EQ(assessed.organisations[0].administrator, AdministratorState::not_required);
    EXPECT_EQ(assessed.organisations[1].covered, Covered::not_required);
    EXPECT_EQ(assessed.organisations[2].administrator, AdministratorState::not_required) << "按应配组织总数";
    EXPECT_EQ(assessed.total.organisations, 5U);
    EXPECT_EQ(assessed.total.login.required, 2U);
    EXPECT_EQ(assessed.total.coverage.required, 3U);
    EXPECT_EQ(assessed.total.administrators.required, 2U);

    CriterionRule rule = CriterionRule::built_in();
    rule.login.founded_within_month_required = true;
    EXPECT_EQ(login(assess_district(organisations, rule), 3), "not_met too_few_logins");
}

TEST(Assessment, AnAdministratorHasANameAndAMobileNumber) {
    std::vector<OrganisationFacts> organisations(4, facts({"a"}));
    organisations[1].organisation.administrator->mobile = "12345";
    organisations[2].organisation.administrator->name = "";
    organisations[3].organisation.administrator.reset();
    const auto assessed = assess_district(organisations);
    EXPECT_EQ(assessed.organisations[0].administrator, AdministratorState::known);
    EXPECT_EQ(assessed.organisations[1].administrator, AdministratorState::bad_mobile);
    EXPECT_EQ(assessed.organisations[2].administrator, AdministratorState::missing);
    EXPECT_EQ(assessed.organisations[3].administrator, AdministratorState::missing);
    EXPECT_EQ(assessed.total.administrators.fulfilled_min, 1U);
    EXPECT_EQ(assessed.total.administrators.deduction_max, Points{1000});
}

TEST(Assessment, TheTwoTargetsOfCoverageAreCombined) {
    // 1 of 20 without a key, and it is the one committee of 2: 5 % of all, 50 % of the senior ones.
    std::vector<OrganisationFacts> organisations(18, facts({"b"}));
    organisations.push_back(facts({"c"}, OrganisationKind::committee));
    organisations.push_back(without_key(facts({"d"}, OrganisationKind::general_branch)));
    CriterionRule rule = CriterionRule::built_in();
    rule.coverage.deduction.per_percent = Points{10};
    const UnitAssessment larger = assess_district(organisations, rule).units.at(0);
    EXPECT_EQ(larger.coverage.deduction_max, Points{50});
    EXPECT_EQ(larger.senior_coverage.deduction_max, Points{500});
    EXPECT_EQ(larger.coverage_deduction_max, Points{500});
    EXPECT_EQ(larger.score_min, Points{1000});
    rule.coverage.combine = Combination::sum;
    const UnitAssessment sum = assess_district(organisations, rule).units.at(0);
    EXPECT_EQ(sum.coverage_deduction_min, Points{550});
    EXPECT_EQ(sum.score_max, Points{950});
}

TEST(Assessment, PointsAreScoredWhereTheRuleNamesThem) {
    const std::vector<OrganisationFacts> organisations{without_key(facts({"a"}))};
    CriterionRule rule = CriterionRule::built_in();
    const UnitAssessment notice = assess_district(organisations, rule).total;
    EXPECT_EQ(notice.deduction_max, Points{2000}) << "coverage and login at their most";
    EXPECT_EQ(notice.score_min, Points{500}) << "of coverage's 15";
    rule.login.deduction.points = Points{800};
    EXPECT_EQ(assess_district(organisations, rule).total.score_min, Points{500}) << "8 - 10 is not below 0";
    rule.coverage.deduction.points.reset();
    rule.login.deduction.points.reset();
    EXPECT_EQ(assess_district(organisations, rule).total.score_min, std::nullopt);
}

TEST(Assessment, UnitsAreInTheOrderOfTheirCodes) {
    auto none = facts({"n"});
    none.organisation.assessed_unit = "";
    auto last = facts({"l"});
    last.organisation.assessed_unit = "50";
    const auto assessed = assess_district({none, last, facts({"a"})});
    ASSERT_EQ(assessed.units.size(), 3U);
    EXPECT_EQ(assessed.units[0].code, "01");
    EXPECT_EQ(assessed.units[0].name, "李渡街道党工委");
    EXPECT_EQ(assessed.units[1].code, "50");
    EXPECT_EQ(assessed.units[2].code, "");
    EXPECT_EQ(assessed.total.organisations, 3U);
    EXPECT_TRUE(assess_district({}).units.empty());
    EXPECT_EQ(assess_district({}).total.deduction_max, Points{0});
}

TEST(Assessment, APartOfTheOrganisationsIsReckonedByItself) {
    auto other = facts({"b"});
    other.organisation.assessed_unit = "02";
    MonthAssessment assessed = assess_district({with_login(facts({"a"}), 1), other, facts({"c"})});
    restrict_to(assessed, {"b", "nobody"});
    ASSERT_EQ(assessed.organisations.size(), 1U);
    EXPECT_FALSE(assessed.all_organisations);
    ASSERT_EQ(assessed.units.size(), 1U);
    EXPECT_EQ(assessed.units[0].code, "02");
    EXPECT_EQ(assessed.total.organisations, 1U);
    EXPECT_EQ(assessed.total.login.deduction_max, Points{1000});
    EXPECT_EQ(assessed.total.deduction_max, Points{1000});
}

TEST(Assessment, AsManyRowsOfEvidenceAsAReportShows) {
    auto busy = facts({"a"});
    for (unsigned login_number = 0; login_number < 100; ++login_number) {
        busy = with_login(busy, login_number % 30 + 1);
    }
    const auto assessed = assess_district({busy});
    EXPECT_EQ(assessed.organisations[0].counted_sessions, 100U);
    ASSERT_EQ(assessed.organisations[0].evidence.size(), evidence_rows_max);
    EXPECT_EQ(assessed.organisations[0].evidence.front().started, noon(1));
}

// A naive model: time is six-hour slots, and every login asks by itself for whom it counts.

constexpr unsigned slots = 30 * 4;

Timestamp slot_time(unsigned slot) {
    return april.begin() + std::chrono::hours(6) * slot;
}

struct NaiveOrganisation {
    Organisation organisation;
    std::vector<bool> has_key = std::vector<bool>(slots + 1); ///< the last: at the month's end
    std::multimap<unsigned, std::string> logins;              ///< by slot
    std::vector<std::pair<unsigned, unsigned>> doubts; ///< slots from, to (exclusive; the same: a moment)
};

struct Naive {
    std::vector<NaiveOrganisation> organisations;
    CriterionRule rule;

    bool is_mobile(std::size_t index) const {
        return rule.coverage.mobile_terminal_covers && organisations[index].organisation.mobile_terminal;
    }

    std::optional<std::size_t> find(auto condition) const {
        for (std::size_t index = 0; index < organisations.size(); ++index) {
            if (condition(organisations[index].organisation)) {
                return index;
            }
        }
        return std::nullopt;
    }

    std::optional<std::size_t> boss(std::size_t index) const {
        const Organisation& organisation = organisations[index].organisation;
        if (rule.login.delegation == Delegation::none) {
            return std::nullopt;
        }
        if (!organisation.answered_for_by.empty()) {
            return find([&](const Organisation& o) { return o.code == organisation.answered_for_by; });
        }
        std::vector<std::string> path = organisation.path;
        while (rule.login.delegation == Delegation::superior && path.size() > 1) {
            path.pop_back();
            if (const auto found = find([&](const Organisation& o) { return o.path == path; })) {
                return found;
            }
        }
        return std::nullopt;
    }

    /// Who acts for the organisation in this slot: itself, and while nobody of them is covered the next one.
    std::vector<std::size_t> line(std::size_t index, unsigned slot) const {
        std::vector<std::size_t> members{index};
        std::set<std::size_t> seen{index};
        while (!organisations[members.back()].has_key[slot] && !is_mobile(members.back())) {
            const auto next = boss(members.back());
            if (!next || !seen.insert(*next).second) {
                break;
            }
            members.push_back(*next);
        }
        return members;
    }

    LoginStatus status(std::size_t index, unsigned& counted, std::string& via) const {
        const unsigned required = rule.login.sessions_required;
        std::map<std::size_t, std::pair<std::size_t, unsigned>> by_distance; // distance -> who, how many
        bool doubtful = false;
        for (unsigned slot = 0; slot < slots; ++slot) {
            const auto members = line(index, slot);
            for (std::size_t distance = 0; distance < members.size(); ++distance) {
                const NaiveOrganisation& member = organisations[members[distance]];
                by_distance[distance].first = members[distance];
                by_distance[distance].second += static_cast<unsigned>(member.logins.count(slot));
                for (const auto& [from, to] : member.doubts) {
                    doubtful |= (from <= slot && slot < to) || (from == to && from == slot);
                }
                doubtful |= is_mobile(members[distance]) && !member.has_key[slot];
            }
        }
        for (const auto& [from, to] : organisations[index].doubts) {
            doubtful |= from <= to;
        }
        counted = 0;
        for (const auto& [distance, who] : by_distance) {
            counted += who.second;
            if (counted >= required) {
                via = distance == 0 ? "" : organisations[who.first].organisation.code;
                return LoginStatus::met;
            }
        }
        return doubtful ? LoginStatus::cannot_tell : LoginStatus::not_met;
    }
};

class RandomMonth {
  public:
    explicit RandomMonth(std::uint64_t seed) : random_(seed) {}

    Naive make() {
        Naive naive;
        naive.rule = CriterionRule::built_in();
        naive.rule.login.sessions_required = any(1, 3);
        naive.rule.login.delegation = static_cast<Delegation>(any(0, 2));
        naive.rule.coverage.mobile_terminal_covers = any(0, 1) == 0;
        naive.rule.rounding = static_cast<Rounding>(any(0, 2));
        naive.rule.coverage.combine = static_cast<Combination>(any(0, 1));
        const unsigned count = any(1, 25);
        for (unsigned number = 0; number < count; ++number) {
            naive.organisations.push_back(organisation(naive, number, count));
        }
        // Some superiors are gone.
        std::erase_if(naive.organisations, [&](const auto&) { return any(0, 19) == 0; });
        return naive;
    }

  private:
    unsigned any(unsigned least, unsigned most) {
        return std::uniform_int_distribution<unsigned>(least, most)(random_);
    }

    NaiveOrganisation organisation(const Naive& naive, unsigned number, unsigned count) {
        NaiveOrganisation made;
        Organisation& organisation = made.organisation;
        organisation.code = std::to_string(number);
        if (number > 0 && any(0, 5) > 0) {
            organisation.path = naive.organisations[any(0, number - 1)].organisation.path;
        }
        organisation.path.push_back("o" + organisation.code);
        organisation.kind = static_cast<OrganisationKind>(any(0, 2));
        organisation.assessed_unit = any(0, 3) == 0 ? "02" : "01";
        organisation.mobile_terminal = any(0, 9) == 0;
        if (any(0, 4) == 0) {
            organisation.answered_for_by =
                std::to_string(any(0, count)); // circles, and one that is not there
        }
        if (any(0, 2) > 0) {
            organisation.administrator =
                Administrator{any(0, 3) > 0 ? "张三" : "", any(0, 3) > 0 ? "13800000001" : "23800000001"};
        }
        bool has_key = any(0, 1) == 0;
        for (unsigned slot = 0; slot <= slots; ++slot) {
            has_key = any(0, 79) == 0 ? !has_key : has_key;
            made.has_key[slot] = has_key;
            if (has_key && slot < slots && any(0, 119) == 0) {
                made.logins.emplace(slot, "l" + std::to_string(slot));
            }
        }
        if (any(0, 9) == 0) {
            const unsigned from = any(0, slots - 1);
            made.doubts.emplace_back(from, any(0, 1) == 0 ? from : any(from + 1, slots));
        }
        return made;
    }

    std::mt19937_64 random_;
};

OrganisationFacts facts_of(const NaiveOrganisation& naive) {
    OrganisationFacts made;
    made.organisation = naive.organisation;
    made.keys = naive.has_key[slots] ? 1 : 0;
    for (unsigned slot = 0; slot < slots; ++slot) {
        if (naive.has_key[slot]) {
            continue;
        }
        if (made.without_key.empty() || made.without_key.back().to != slot_time(slot)) {
            made.without_key.push_back({slot_time(slot), slot_time(slot)});
        }
        made.without_key.back().to = slot_time(slot + 1);
    }
    for (const auto& [slot, login] : naive.logins) {
        made.sessions.push_back(login_at(slot_time(slot), login));
    }
    for (const auto& [from, to] : naive.doubts) {
        made.doubts.push_back({"coverage.service_away", "w", slot_time(from), slot_time(to)});
    }
    return made;
}

TEST(Assessment, RandomMonthsAreWhatTheNaiveModelSays) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomMonth random(seed);
    std::map<std::string, unsigned> seen;
    for (int round = 0; round < 1500; ++round) {
        const Naive naive = random.make();
        std::vector<OrganisationFacts> organisations;
        for (const NaiveOrganisation& organisation : naive.organisations) {
            organisations.push_back(facts_of(organisation));
        }
        const MonthAssessment assessed = assess_district(organisations, naive.rule);
        std::uint64_t met = 0;
        std::uint64_t cannot_tell = 0;
        for (std::size_t index = 0; index < naive.organisations.size(); ++index) {
            const OrganisationAssessment& result = assessed.organisations[index];
            unsigned counted = 0;
            std::string via;
            const LoginStatus status = naive.status(index, counted, via);
            ASSERT_EQ(to_string(result.login), to_string(status)) << "round " << round << ", " << index;
            ASSERT_EQ(result.counted_sessions, counted) << "round " << round << ", " << index;
            ASSERT_EQ(result.via, via) << "round " << round << ", " << index;
            ASSERT_EQ(result.evidence.size(), std::min<std::size_t>(counted, evidence_rows_max));
            met += status == LoginStatus::met ? 1 : 0;
            cannot_tell += status == LoginStatus::cannot_tell ? 1 : 0;
            ++seen[std::string(to_string(status)) + (via.empty() ? "" : " by another")];
        }
        ASSERT_EQ(assessed.total.login.fulfilled_min, met);
        ASSERT_EQ(assessed.total.login.fulfilled_max, met + cannot_tell);
        ASSERT_EQ(assessed.total.login.required, naive.organisations.size());
        std::uint64_t in_units = 0;
        for (const UnitAssessment& unit : assessed.units) {
            in_units += unit.login.required;
            ASSERT_LE(unit.deduction_min, unit.deduction_max);
            ASSERT_LE(unit.score_min.value(), unit.score_max.value());
        }
        ASSERT_EQ(in_units, naive.organisations.size());
    }
    for (const std::string kind : {"met", "met by another", "not_met", "cannot_tell"}) {
        EXPECT_GT(seen[kind], 100U) << kind << ": the months are not random enough";
    }
}

} // namespace
} // namespace ukey
