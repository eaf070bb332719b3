// SPDX-License-Identifier: Apache-2.0
// docs/worked-example.md: its organisations, made by the sentences of its section 1, must be assessed as its
// tables say.
#include <array>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "daemon/core/assessed_units.hpp"
#include "daemon/core/assessment.hpp"

namespace ukey {
namespace {

constexpr ChinaMonth april{2013, 4};
constexpr unsigned units = 50;

Timestamp midnight(unsigned day) {
    return ChinaDate{2013, 4, day}.begin();
}

Timestamp noon(unsigned day) {
    return midnight(day) + std::chrono::hours(12);
}

/// Section 1, for one unit.
class Unit {
  public:
    explicit Unit(unsigned unit)
        : unit_(unit), size_(unit + (unit <= 25 ? 34 : 35)), general_branches_(size_ / 10) {}

    std::vector<OrganisationFacts> organisations() const {
        std::vector<OrganisationFacts> all;
        for (unsigned number = 1; number <= size_; ++number) {
            all.push_back(organisation(number));
        }
        if (unit_ % 10 == 2) {
            all.push_back(organisation(size_ + 1));
            all.back().organisation.dissolved = ChinaDate{2013, 4, 20};
        }
        return all;
    }

    std::vector<std::string> path(unsigned number) const {
        std::vector<std::string> path{name(1)};
        if (number > 1 && !is_general_branch(number)) {
            path.push_back(name(2 + number % general_branches_));
        }
        if (number > 1) {
            path.push_back(name(number));
        }
        return path;
    }

  private:
    std::string name(unsigned number) const { return fmt::format("组织{:02}{:03}", unit_, number); }
    bool is_general_branch(unsigned number) const { return number >= 2 && number <= general_branches_ + 1; }
    bool is_young(unsigned number) const { return unit_ % 10 == 1 && number == size_; }

    OrganisationFacts organisation(unsigned number) const {
        OrganisationFacts facts;
        Organisation& organisation = facts.organisation;
        organisation.code = fmt::format("{:02}{:03}", unit_, number);
        organisation.path = path(number);
        organisation.kind = number == 1                 ? OrganisationKind::committee
                            : is_general_branch(number) ? OrganisationKind::general_branch
                                                        : OrganisationKind::branch;
        organisation.assessed_unit = fmt::format("{:02}", unit_);
        if (number % 17 != 13) {
            organisation.administrator =
                Administrator{"张三", number % 29 == 5 ? "1380000000" : "13800000001"};
        }
        if (is_young(number)) {
            organisation.founded = ChinaDate{2013, 4, 15};
        }
        if (number == 1 || is_general_branch(number)) {
            set_superior(number, facts);
        } else {
            set_branch(number, facts);
        }
        return facts;
    }

    void set_superior(unsigned number, OrganisationFacts& facts) const {
        if (number == 2 && unit_ % 5 == 0) {
            facts.without_key = {{april.begin(), april.end()}};
            return;
        }
        facts.keys = 1;
        if (number == 4 && unit_ % 10 == 7) {
            facts.doubts = {{"workstation.missing", "w", april.begin(), april.end()}};
        } else if (!(number == 3 && unit_ % 4 == 0)) {
            log_in(unit_ % 2 == 0 ? 12 : 22, facts);
        }
    }

    void set_branch(unsigned number, OrganisationFacts& facts) const {
        facts.organisation.key_required = number != 24;
        facts.organisation.mobile_terminal = number % 25 == 7;
        if (number == 24 || number % 20 == 0 || facts.organisation.mobile_terminal) {
            facts.without_key = {{april.begin(), april.end()}};
            return;
        }
        facts.keys = 1;
        if (number == 11 || number == 19) {
            facts.without_key = {{midnight(10), midnight(16)}};
            if (number == 11) {
                log_in(20, facts);
            }
        } else if (is_young(number)) {
            facts.without_key = {{april.begin(), midnight(18)}};
        } else if ((number + unit_) % 11 != 0) {
            log_in(25, facts);
        }
        if (unit_ % 10 == 3 && number >= 30 && number <= 39) {
            facts.doubts = {{"coverage.service_away", "w", midnight(5), midnight(8)}};
        }
    }

    static void log_in(unsigned day, OrganisationFacts& facts) {
        LoginEvidenceRow row;
        row.login = facts.organisation.code;
        row.started = noon(day);
        facts.sessions.push_back(std::move(row));
    }

    unsigned unit_;
    unsigned size_;
    unsigned general_branches_;
};

MonthFacts the_example() {
    MonthFacts facts;
    facts.month = april;
    facts.scope = AssessmentScope::district;
    for (unsigned unit = 1; unit <= units; ++unit) {
        for (OrganisationFacts& organisation : Unit(unit).organisations()) {
            if (organisation.organisation.code == "04038") { // moved on 11 April
                organisation.organisation.assessed_unit = "05";
                std::vector<std::string> path = Unit(5).path(2);
                path.push_back(organisation.organisation.name());
                organisation.organisation.path = std::move(path);
            }
            if (exists_at_end_of(april, organisation.organisation)) {
                facts.organisations.push_back(std::move(organisation));
            }
        }
    }
    return facts;
}

using Figures = std::map<std::string, std::vector<std::string>>; ///< by unit

std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells;
    for (std::size_t begin = 2; begin < line.size();) {
        const std::size_t end = line.find(" |", begin);
        cells.push_back(line.substr(begin, end - begin));
        begin = end + 3;
    }
    return cells;
}

/// The document's tables whose first column is the unit, in their order.
std::vector<Figures> tables_of_the_document() {
    std::ifstream document(UKEY_DOCUMENTS "/worked-example.md");
    EXPECT_TRUE(document);
    std::vector<Figures> tables;
    for (std::string line; std::getline(document, line);) {
        if (line.starts_with("| unit |")) {
            tables.emplace_back();
        } else if (!tables.empty() && line.starts_with("| ") && !line.starts_with("| ---")) {
            std::vector<std::string> cells = cells_of(line);
            const std::string unit = cells.front();
            cells.erase(cells.begin());
            EXPECT_TRUE(tables.back().emplace(unit, std::move(cells)).second) << line;
        }
    }
    return tables;
}

std::vector<std::string> counts_of(const UnitAssessment& unit) {
    const Rate& login = unit.login;
    std::vector<std::string> counts;
    for (const std::uint64_t count :
         {unit.organisations, unit.coverage.required, unit.coverage.fulfilled_min,
          unit.senior_coverage.required, unit.senior_coverage.fulfilled_min,
          unit.administrators.fulfilled_min, login.required, login.fulfilled_min,
          login.fulfilled_max - login.fulfilled_min, login.required - login.fulfilled_max}) {
        counts.push_back(std::to_string(count));
    }
    // What the tables leave out is the same on both sides.
    EXPECT_EQ(unit.coverage.fulfilled_max, unit.coverage.fulfilled_min);
    EXPECT_EQ(unit.administrators.required, unit.coverage.required);
    EXPECT_EQ(unit.administrators.fulfilled_max, unit.administrators.fulfilled_min);
    return counts;
}

std::vector<std::string> points_of(const UnitAssessment& unit) {
    std::vector<std::string> points;
    for (const Points figure : {unit.coverage_deduction_max, unit.administrators.deduction_max,
                                unit.login.deduction_min, unit.login.deduction_max, unit.deduction_min,
                                unit.deduction_max, unit.score_min.value(), unit.score_max.value()}) {
        points.push_back(to_string(figure));
    }
    EXPECT_EQ(unit.coverage_deduction_min, unit.coverage_deduction_max);
    return points;
}

void expect_table(const MonthAssessment& assessment, const Figures& table,
                  std::vector<std::string> (*figures_of)(const UnitAssessment&)) {
    ASSERT_EQ(table.size(), units + 1);
    ASSERT_EQ(assessment.units.size(), units);
    for (const UnitAssessment& unit : assessment.units) {
        EXPECT_EQ(figures_of(unit), table.at(unit.code)) << unit.code;
    }
    EXPECT_EQ(figures_of(assessment.total), table.at("total"));
}

TEST(WorkedExample, EveryFigureIsThatOfTheDocument) {
    const std::vector<Figures> tables = tables_of_the_document();
    constexpr std::array roundings{Rounding::proportional, Rounding::started_percent, Rounding::full_percent};
    ASSERT_EQ(tables.size(), 1 + roundings.size());
    for (std::size_t place = 0; place < roundings.size(); ++place) {
        CriterionRule rule = CriterionRule::built_in();
        rule.rounding = roundings[place];
        const MonthAssessment assessment = assess(the_example(), rule);
        expect_table(assessment, tables[0], counts_of);
        expect_table(assessment, tables[1 + place], points_of);
    }
}

TEST(WorkedExample, IsOfThreeThousandOrganisationsWithFivePartingOnTheWay) {
    std::size_t written = 0;
    for (unsigned unit = 1; unit <= units; ++unit) {
        written += Unit(unit).organisations().size();
        EXPECT_FALSE(assessed_unit_name(fmt::format("{:02}", unit)).empty());
    }
    EXPECT_EQ(written, 3005U);
    EXPECT_EQ(the_example().organisations.size(), 3000U);
}

TEST(WorkedExample, TheStepsOfSectionThreeAreThose) {
    const MonthAssessment assessment = assess(the_example(), CriterionRule::built_in());
    std::map<std::string, std::string> states;
    for (const OrganisationAssessment& row : assessment.organisations) {
        states[row.organisation.code] = fmt::format("{} {} {}", to_string(row.login), row.reason, row.via);
    }
    EXPECT_EQ(states["01010"], "not_met too_few_logins ");
    EXPECT_EQ(states["01019"], "not_met too_few_logins ");
    EXPECT_EQ(states["01020"], "met answered_for 01004");
    EXPECT_EQ(states["01024"], "met answered_for 01002");
    EXPECT_EQ(states["01032"], "cannot_tell logins.by_mobile_terminal ");
    EXPECT_EQ(states["01035"], "not_required founded_within_month ");
    EXPECT_EQ(states["02011"], "met own_logins ");
    EXPECT_EQ(states["02019"], "met answered_for 02003");
    EXPECT_EQ(states["05002"], "met answered_for 05001");
    EXPECT_EQ(states["20020"], "met answered_for 20001") << "20002 has no key either";
    EXPECT_EQ(states["13031"], "cannot_tell coverage.service_away ");
    EXPECT_EQ(states["27020"], "cannot_tell workstation.missing ");
    EXPECT_EQ(states["28019"], "not_met too_few_logins ") << "28003 did not log in";
}

} // namespace
} // namespace ukey
