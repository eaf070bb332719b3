// SPDX-License-Identifier: Apache-2.0
// The other half of assessment_json.cpp.
#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json/value.hpp>

#include "daemon/core/assessment_json.hpp"

namespace ukey {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

/// The members of one object. The first that is missing or wrong is remembered, and reading goes on: the
/// caller looks at the end.
class Members {
  public:
    Members(const object& from, std::string& wrong) : from_(&from), wrong_(&wrong) {}

    const value* find(std::string_view name) const {
        const value* found = from_->if_contains(name);
        return found != nullptr && found->is_null() ? nullptr : found;
    }
    /// Of a value that should be an object.
    Members of(std::string_view name, const value* inner) const {
        static const object nothing;
        const object* found = inner != nullptr ? inner->if_object() : nullptr;
        if (found == nullptr) {
            blame(name);
        }
        return {found != nullptr ? *found : nothing, *wrong_};
    }
    Members inner(std::string_view name) const { return of(name, find(name)); }
    bool has(std::string_view name) const { return find(name) != nullptr; }

    std::string text(std::string_view name) const {
        const value* found = find(name);
        if (found == nullptr || !found->is_string()) {
            blame(name);
            return {};
        }
        return std::string(found->get_string());
    }
    std::string optional_text(std::string_view name) const { return has(name) ? text(name) : std::string(); }

    bool flag(std::string_view name) const {
        const value* found = find(name);
        if (found == nullptr || !found->is_bool()) {
            blame(name);
            return false;
        }
        return found->get_bool();
    }

    template <typename Number = std::uint64_t>
    Number number(std::string_view name) const {
        boost::json::error_code error;
        const value* found = find(name);
        const Number number = found != nullptr ? found->to_number<Number>(error) : Number{};
        if (found == nullptr || error) {
            blame(name);
        }
        return number;
    }

    Timestamp time(std::string_view name) const { return parsed(name, parse_timestamp(text(name))); }
    ChinaMonth month(std::string_view name) const { return parsed(name, ChinaMonth::parse(text(name))); }
    ChinaDate date(std::string_view name) const { return parsed(name, ChinaDate::parse(text(name))); }

    /// "9.35"
    Points points(std::string_view name) const {
        const std::string written = text(name);
        const std::size_t point = written.find('.');
        std::string digits = written;
        digits.erase(std::min(point, written.size()), 1);
        Points read;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), read.hundredths);
        if (error != std::errc() || end != digits.data() + digits.size() || point + 3 != written.size()) {
            blame(name);
        }
        return read;
    }

    /// One of the words that to_string gives to the values.
    template <typename Value, std::size_t count>
    Value word(std::string_view name, const std::array<Value, count>& values) const {
        const std::string written = text(name);
        for (const Value candidate : values) {
            if (written == to_string(candidate)) {
                return candidate;
            }
        }
        blame(name);
        return values.front();
    }

    /// `read` makes an entry of each value of the list.
    template <typename Read>
    auto list(std::string_view name, Read read) const {
        std::vector<decltype(read(std::declval<const value&>()))> entries;
        const value* found = find(name);
        if (found == nullptr || !found->is_array()) {
            blame(name);
            return entries;
        }
        entries.reserve(found->get_array().size());
        for (const value& entry : found->get_array()) {
            entries.push_back(read(entry));
        }
        return entries;
    }

    /// A list of objects.
    template <typename Read>
    auto objects(std::string_view name, Read read) const {
        return list(name, [&](const value& entry) { return read(of(name, &entry)); });
    }

    std::vector<std::string> texts(std::string_view name) const {
        return list(name, [&](const value& entry) {
            if (!entry.is_string()) {
                blame(name);
            }
            return entry.is_string() ? std::string(entry.get_string()) : std::string();
        });
    }

    template <typename Value, std::size_t count>
    std::vector<Value> words(std::string_view name, const std::array<Value, count>& values) const {
        std::vector<Value> entries;
        for (const std::string& text : texts(name)) {
            const auto found = std::ranges::find(values, text, [](Value value) { return to_string(value); });
            if (found == values.end()) {
                blame(name);
            } else {
                entries.push_back(*found);
            }
        }
        return entries;
    }

    void blame(std::string_view name) const {
        if (wrong_->empty()) {
            *wrong_ = name;
        }
    }

  private:
    template <typename Value>
    Value parsed(std::string_view name, const Result<Value>& result) const {
        if (!result) {
            blame(name);
        }
        return result.value_or(Value{});
    }

    const object* from_;
    std::string* wrong_;
};

constexpr std::array kinds{OrganisationKind::committee, OrganisationKind::general_branch,
                           OrganisationKind::branch, OrganisationKind::other};
constexpr std::array grades{EvidenceGrade::attested, EvidenceGrade::observed, EvidenceGrade::late};

Organisation read_organisation(const Members& row) {
    const Members members = row.inner("organisation");
    Organisation organisation;
    organisation.code = members.text("code");
    organisation.path = members.texts("path");
    if (organisation.path.empty()) {
        members.blame("path");
    }
    organisation.kind = members.word("kind", kinds);
    organisation.assessed_unit = row.text("assessed_unit");
    organisation.key_required = members.flag("key_required");
    organisation.mobile_terminal = members.flag("mobile_terminal");
    organisation.answered_for_by = members.optional_text("answered_for_by");
    if (members.has("founded")) {
        organisation.founded = members.date("founded");
    }
    if (members.has("dissolved")) {
        organisation.dissolved = members.date("dissolved");
    }
    if (members.has("administrator")) {
        const Members person = members.inner("administrator");
        organisation.administrator = Administrator{person.text("name"), person.text("mobile")};
    }
    return organisation;
}

LoginEvidenceRow read_evidence(const Members& row) {
    return {.workstation = row.optional_text("workstation"),
            .login = row.text("login"),
            .key_id = row.optional_text("key"),
            .started = row.time("started_at"),
            .grade = row.word("grade", grades),
            .uses = row.number("uses")};
}

Doubt read_doubt(const Members& doubt) {
    return {doubt.text("code"), doubt.optional_text("workstation"), doubt.time("from"), doubt.time("to")};
}

std::uint32_t read_days(const Members& row) {
    constexpr unsigned last_day = 31;
    std::uint32_t days = 0;
    for (const std::int64_t day :
         row.list("days", [](const value& entry) { return entry.is_int64() ? entry.get_int64() : 0; })) {
        if (day < 1 || day > last_day) {
            row.blame("days");
        } else {
            days |= std::uint32_t{1} << static_cast<unsigned>(day - 1);
        }
    }
    return days;
}

OrganisationAssessment read_row(const Members& row) {
    using enum LoginStatus;
    OrganisationAssessment result;
    result.organisation = read_organisation(row);
    result.covered = row.word("covered", std::array{Covered::key, Covered::mobile_terminal, Covered::no,
                                                    Covered::cannot_tell, Covered::not_required});
    result.administrator = row.word(
        "administrator", std::array{AdministratorState::known, AdministratorState::missing,
                                    AdministratorState::bad_mobile, AdministratorState::not_required});
    result.login = row.word("status", std::array{met, not_met, not_seen_here, cannot_tell, not_required});
    result.reason = row.text("reason");
    result.counted_sessions = row.number<unsigned>("counted_sessions");
    result.via = row.optional_text("via");
    result.days = read_days(row);
    if (row.has("last_login")) {
        result.last_login = row.time("last_login");
    }
    result.evidence = row.objects("evidence", read_evidence);
    result.doubts = row.objects("doubts", read_doubt);
    if (row.has("platform_logins")) {
        result.platform_logins = row.number("platform_logins");
    }
    return result;
}

Deduction read_deduction(const Members& criterion) {
    Deduction deduction{.per_percent = criterion.points("deduction_per_percent"),
                        .max = criterion.points("deduction_max"),
                        .points = {}};
    if (criterion.has("points")) {
        deduction.points = criterion.points("points");
    }
    return deduction;
}

LoginRule read_login_rule(const Members& rule) {
    const Members login = rule.inner("login");
    return {.deduction = read_deduction(login),
            .kinds = login.words("kinds", kinds),
            .sessions_required = rule.number<unsigned>("sessions_required"),
            .grades = login.words("grades", grades),
            .applications = login.texts("applications"),
            .delegation = login.word(
                "delegation", std::array{Delegation::superior, Delegation::registry, Delegation::none}),
            .founded_within_month_required = login.text("founded_within_month") == "required"};
}

CriterionRule read_rule(const Members& rule) {
    const Members coverage = rule.inner("coverage");
    const Members administrators = rule.inner("administrators");
    CriterionRule read;
    read.name = rule.text("name");
    read.valid_from = rule.month("valid_from");
    if (rule.has("valid_to")) {
        read.valid_to = rule.month("valid_to");
    }
    read.rounding = rule.word(
        "rounding", std::array{Rounding::proportional, Rounding::started_percent, Rounding::full_percent});
    read.coverage = {.deduction = read_deduction(coverage),
                     .mobile_terminal_covers = coverage.flag("mobile_terminal_covers"),
                     .senior_kinds = coverage.words("senior_kinds", kinds),
                     .combine = coverage.word("combine", std::array{Combination::larger, Combination::sum})};
    read.administrators = {.deduction = read_deduction(administrators),
                           .kinds = administrators.words("kinds", kinds)};
    read.login = read_login_rule(rule);
    read.sha256 = rule.text("sha256");
    return read;
}

Rate read_rate(const Members& rate) {
    return {.required = rate.number("required"),
            .fulfilled_min = rate.number("fulfilled_min"),
            .fulfilled_max = rate.number("fulfilled_max"),
            .deduction_min = rate.points("deduction_min"),
            .deduction_max = rate.points("deduction_max")};
}

UnitAssessment read_unit(const Members& unit) {
    UnitAssessment read;
    read.code = unit.text("code");
    read.name = unit.text("name");
    read.organisations = unit.number("organisations");
    read.coverage = read_rate(unit.inner("coverage"));
    read.senior_coverage = read_rate(unit.inner("senior_coverage"));
    read.administrators = read_rate(unit.inner("administrators"));
    read.login = read_rate(unit.inner("login"));
    read.coverage_deduction_min = unit.points("coverage_deduction_min");
    read.coverage_deduction_max = unit.points("coverage_deduction_max");
    read.deduction_min = unit.points("deduction_min");
    read.deduction_max = unit.points("deduction_max");
    if (unit.has("score_min")) {
        read.score_min = unit.points("score_min");
        read.score_max = unit.points("score_max");
    }
    return read;
}

LedgerExtent read_ledger(const Members& ledger) {
    return {.workstation = ledger.optional_text("workstation"),
            .name = ledger.text("name"),
            .first_seq = ledger.number("first_seq"),
            .last_seq = ledger.number("last_seq"),
            .head = ledger.text("head"),
            .vouched_until = ledger.time("vouched_until"),
            .complete_month = ledger.flag("complete_month")};
}

Conflict read_conflict(const Members& conflict) {
    return {.code = conflict.text("code"),
            .key_id = conflict.optional_text("key"),
            .organisations = conflict.texts("organisations"),
            .workstations = conflict.texts("workstations"),
            .time = conflict.time("time"),
            .detail = conflict.text("detail")};
}

MonthAssessment read_assessment(const Members& report) {
    const Members basis = report.inner("basis");
    return {.month = report.month("month"),
            .scope =
                report.word("scope", std::array{AssessmentScope::workstation, AssessmentScope::district}),
            .all_organisations = basis.flag("all_organisations"),
            .rule = read_rule(report.inner("rule")),
            .organisations = report.objects("rows", read_row),
            .units = report.objects("units", read_unit),
            .total = read_unit(report.inner("totals")),
            .ledgers = basis.objects("ledgers", read_ledger),
            .registry_sha256 = basis.text("registry_sha256"),
            .conflicts = report.objects("conflicts", read_conflict)};
}

} // namespace

Result<MonthAssessment> assessment_from_json(const object& report) {
    std::string wrong;
    MonthAssessment assessment = read_assessment(Members(report, wrong));
    if (!wrong.empty()) {
        return fail("frame.malformed", "read the report", wrong, "it is missing or wrong");
    }
    return assessment;
}

} // namespace ukey
