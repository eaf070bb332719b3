// SPDX-License-Identifier: Apache-2.0
#include "tests/support/assessment_sample.hpp"

#include <array>
#include <chrono>
#include <map>

#include <fmt/format.h>

#include "daemon/core/assessed_units.hpp"

namespace ukey::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr ChinaMonth month{.year = 2026, .month = 4};
constexpr std::size_t unit_count = 50;

const std::string fingerprint(64, 'a');
const std::string other_fingerprint(64, 'b');

/// Dangerous in HTML, in a spreadsheet, or in a table.
std::string name_of(std::size_t index) {
    static const std::vector<std::string> names{
        "区委党校教工支部",
        "<script>alert(\"1\")</script> & '支部'",
        "=HYPERLINK(\"http://example.invalid\",\"点我\")",
        "+86支部",
        "第一“引号”, 逗号\"支部",
        "中国共产党重庆市涪陵区李渡街道石马社区第三网格退休人员与流动人员联合支部委员会（筹备组，含原第二、第"
        "四网格"
        "并入之全部成员）及其所属临时学习小组联络点",
    };
    return index < names.size() ? names[index] : fmt::format("第{}党支部", index + 1);
}

Organisation organisation_of(std::size_t index) {
    const std::string unit = fmt::format("{:02}", index % unit_count + 1);
    Organisation organisation;
    organisation.code = fmt::format("00{:06}", index + 1);
    organisation.path = {"中共重庆市涪陵区委", assessed_unit_name(unit), name_of(index)};
    organisation.kind = index % 10 == 9 ? OrganisationKind::general_branch : OrganisationKind::branch;
    organisation.assessed_unit = unit;
    organisation.administrator = Administrator{.name = index % 2 == 0 ? "王小明" : "李秀英",
                                               .mobile = fmt::format("138{:08}", index + 1)};
    return organisation;
}

Timestamp on_day(unsigned day, unsigned hour) {
    return month.begin() + hours(24 * (day - 1) + hour) + minutes(30);
}

void log_in(OrganisationAssessment& row, unsigned day) {
    row.evidence.push_back({.workstation = {},
                            .login = fmt::format("{:032x}", row.evidence.size() + 1),
                            .key_id = fmt::format("{:016x}", std::stoull(row.organisation.code)),
                            .started = on_day(day, 9),
                            .grade = day % 2 == 0 ? EvidenceGrade::attested : EvidenceGrade::observed,
                            .uses = 3});
    row.days |= std::uint32_t{1} << (day - 1);
    row.last_login = row.evidence.back().started;
    ++row.counted_sessions;
}

void doubt(OrganisationAssessment& row, const std::string& code, Timestamp from, Timestamp to) {
    row.doubts.push_back({.code = code, .workstation = fingerprint, .from = from, .to = to});
}

/// What is known of one organisation: the cases follow each other.
OrganisationAssessment row_of(std::size_t index, AssessmentScope scope) {
    const bool district = scope == AssessmentScope::district;
    OrganisationAssessment row;
    row.organisation = organisation_of(index);
    row.covered = Covered::key;
    row.administrator = AdministratorState::known;
    row.login = LoginStatus::met;
    row.reason = "own_logins";
    const auto undecided = [&](const std::string& code) {
        row.login = district ? LoginStatus::cannot_tell : LoginStatus::not_seen_here;
        row.reason = district ? code : "too_few_logins_seen_here";
    };
    switch (index % 12) {
    case 4:
        row.login = district ? LoginStatus::not_met : LoginStatus::not_seen_here;
        row.reason = district ? "too_few_logins" : "too_few_logins_seen_here";
        break;
    case 5:
        undecided("coverage.service_away");
        doubt(row, "coverage.service_away", on_day(12, 8), on_day(14, 17));
        doubt(row, "coverage.filter_version", on_day(20, 10), on_day(20, 10));
        break;
    case 6:
        row.covered = Covered::no;
        row.reason = "answered_for";
        row.via = "00000010";
        log_in(row, 17);
        break;
    case 7:
        row.administrator = AdministratorState::missing;
        row.organisation.administrator.reset();
        row.covered = Covered::no;
        undecided("workstation.missing");
        doubt(row, "workstation.missing", month.begin(), month.end());
        break;
    case 8:
        row.administrator = AdministratorState::bad_mobile;
        row.organisation.administrator->mobile = "0123";
        log_in(row, 2);
        break;
    case 10:
        row.covered = Covered::mobile_terminal;
        row.organisation.mobile_terminal = true;
        undecided("logins.by_mobile_terminal");
        break;
    case 11:
        row.login = LoginStatus::not_required;
        row.reason = "founded_within_month";
        break;
    default:
        for (unsigned day = 1 + static_cast<unsigned>(index % 7); day <= 30; day += 9) {
            log_in(row, day);
        }
    }
    if (index % 9 == 0) {
        row.platform_logins = index % 4;
    }
    return row;
}

void count(Rate& rate, bool fulfilled, bool undecided) {
    ++rate.required;
    rate.fulfilled_min += fulfilled ? 1 : 0;
    rate.fulfilled_max += fulfilled || undecided ? 1 : 0;
}

void count(UnitAssessment& unit, const OrganisationAssessment& row) {
    ++unit.organisations;
    count(unit.coverage, row.covered != Covered::no, false);
    if (row.organisation.kind != OrganisationKind::branch) {
        count(unit.senior_coverage, row.covered != Covered::no, false);
    }
    count(unit.administrators, row.administrator == AdministratorState::known, false);
    if (row.login != LoginStatus::not_required) {
        count(unit.login, row.login == LoginStatus::met,
              row.login == LoginStatus::cannot_tell || row.login == LoginStatus::not_seen_here);
    }
}

/// Half a point for each that is missing: figures to look at, by no rule.
void deduct(UnitAssessment& unit) {
    for (Rate* rate : {&unit.coverage, &unit.administrators, &unit.login}) {
        rate->deduction_min.hundredths = 50 * static_cast<std::int64_t>(rate->required - rate->fulfilled_max);
        rate->deduction_max.hundredths = 50 * static_cast<std::int64_t>(rate->required - rate->fulfilled_min);
        unit.deduction_min.hundredths += rate->deduction_min.hundredths;
        unit.deduction_max.hundredths += rate->deduction_max.hundredths;
    }
    unit.coverage_deduction_min = unit.coverage.deduction_min;
    unit.coverage_deduction_max = unit.coverage.deduction_max;
    constexpr std::int64_t coverage_points = 1500;
    unit.score_min = Points{coverage_points - unit.coverage_deduction_max.hundredths};
    unit.score_max = Points{coverage_points - unit.coverage_deduction_min.hundredths};
}

void add_sources(MonthAssessment& assessment) {
    const bool district = assessment.scope == AssessmentScope::district;
    assessment.registry_sha256 = std::string(64, 'c');
    assessment.ledgers.push_back({.workstation = district ? fingerprint : "",
                                  .name = district ? "李渡办公室" : "",
                                  .first_seq = 1,
                                  .last_seq = 4711,
                                  .head = std::string(64, 'd'),
                                  .vouched_until = month.end() + hours(8),
                                  .complete_month = true});
    if (!district) {
        return;
    }
    assessment.ledgers.push_back({.workstation = other_fingerprint,
                                  .name = "<b>大木乡</b>",
                                  .first_seq = 1,
                                  .last_seq = 12,
                                  .head = std::string(64, 'e'),
                                  .vouched_until = on_day(14, 17),
                                  .complete_month = false});
    assessment.conflicts.push_back({.code = "conflict.key_with_two_organisations",
                                    .key_id = "0123456789abcdef0123",
                                    .organisations = {"00000001", "00000002"},
                                    .workstations = {fingerprint, other_fingerprint},
                                    .time = on_day(8, 10),
                                    .detail = "bound on both"});
}

} // namespace

MonthAssessment empty_assessment(AssessmentScope scope) {
    MonthAssessment assessment;
    assessment.month = month;
    assessment.scope = scope;
    assessment.rule = CriterionRule::built_in();
    assessment.total.name = "";
    return assessment;
}

MonthAssessment sample_assessment(AssessmentScope scope, std::size_t organisations) {
    MonthAssessment assessment = empty_assessment(scope);
    std::map<std::string, UnitAssessment> units;
    for (std::size_t index = 0; index < organisations; ++index) {
        const OrganisationAssessment& row = assessment.organisations.emplace_back(row_of(index, scope));
        UnitAssessment& unit = units[row.organisation.assessed_unit];
        unit.code = row.organisation.assessed_unit;
        unit.name = assessed_unit_name(unit.code);
        count(unit, row);
        count(assessment.total, row);
    }
    for (auto& [code, unit] : units) {
        deduct(unit);
        assessment.units.push_back(std::move(unit));
    }
    deduct(assessment.total);
    add_sources(assessment);
    return assessment;
}

} // namespace ukey::test
