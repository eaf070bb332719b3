// SPDX-License-Identifier: Apache-2.0
#include "tools/district/status.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/core/assessment_json.hpp"
#include "daemon/core/text.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/conflicts.hpp"
#include "tools/district/history.hpp"
#include "tools/district/registry_history.hpp"
#include "tools/district/store.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/report/assessment_words.hpp"
#include "tools/words.hpp"

namespace ukey::ctl::district {
namespace {

/// So many are named; the count says how many there are.
constexpr std::size_t unknown_organisations_shown = 5;

/// Codes in the month's sessions that the registry never had.
Result<std::vector<std::string>> unknown_organisations(Database& database, const ChinaMonth& month) {
    auto statement = database.prepare(
        "SELECT code FROM organisation WHERE EXISTS (SELECT 1 FROM session WHERE month = ? AND organisation "
        "= "
        "organisation.id) AND NOT EXISTS (SELECT 1 FROM registry WHERE registry.code = organisation.code) "
        "ORDER BY code");
    statement.bind(month_number(month));
    std::vector<std::string> codes;
    UKEY_TRY(statement.each([&] { codes.push_back(statement.text(0)); }));
    return codes;
}

Finding finding_of(const WorkstationMonth& of_month, const std::string& month) {
    return {.code = of_month.state == MonthState::missing ? "district.workstation_missing"
                                                          : "district.workstation_incomplete",
            .subject = of_month.workstation.fingerprint,
            .arguments = {{"name", of_month.workstation.name.empty() ? of_month.workstation.fingerprint
                                                                     : of_month.workstation.name},
                          {"month", month}}};
}

std::vector<Finding> findings_of(const Status& status, const std::vector<std::string>& unknown) {
    std::vector<Finding> findings;
    if (status.organisations == 0) {
        findings.push_back({"district.registry_empty", status.month.text(), {}});
    }
    if (status.workstations.empty()) {
        findings.push_back({"district.no_workstation", "", {}});
    }
    for (const WorkstationMonth& of_month : status.workstations) {
        // Of one that was revoked, or installed, within the month nothing is missing outside of that time.
        const bool lacks = std::ranges::any_of(
            of_month.doubts, [](const Doubt& doubt) { return doubt.code.starts_with("workstation."); });
        const bool began_later =
            of_month.delivered && of_month.state == MonthState::missing && of_month.extent.first_seq == 1;
        if (lacks && !began_later) {
            findings.push_back(finding_of(of_month, status.month.text()));
        }
    }
    if (!unknown.empty()) {
        const auto shown = std::min(unknown.size(), unknown_organisations_shown);
        findings.push_back(
            {"district.unknown_organisation",
             unknown.front(),
             {{"count", std::to_string(unknown.size())},
              {"list",
               fmt::format("{}", fmt::join(unknown.begin(),
                                           unknown.begin() + static_cast<std::ptrdiff_t>(shown), ", "))}}});
    }
    return findings;
}

std::string_view roster_state(const WorkstationMonth& of_month) {
    return of_month.workstation.revoked ? "revoked" : "trusted";
}

boost::json::value time_or_null(bool known, Timestamp moment) {
    return known ? boost::json::value(format_timestamp(moment)) : boost::json::value(nullptr);
}

boost::json::object to_json(const WorkstationMonth& of_month) {
    const auto& [workstation, extent, state, delivered, doubts, key_doubts] = of_month;
    const bool has_records = !extent.head.empty();
    boost::json::object object{{"fingerprint", workstation.fingerprint},
                               {"name", workstation.name},
                               {"trust", roster_state(of_month)},
                               {"enrolled_at", format_timestamp(workstation.enrolled)}};
    object["revoked_at"] =
        time_or_null(workstation.revoked.has_value(), workstation.revoked.value_or(Timestamp()));
    object["first_seq"] = extent.first_seq;
    object["last_seq"] = extent.last_seq;
    object["head"] = extent.head;
    object["vouched_until"] = time_or_null(has_records, extent.vouched_until);
    object["month"] = to_string(state);
    return object;
}

boost::json::array findings_json(const std::vector<Finding>& findings) {
    boost::json::array list;
    for (const Finding& finding : findings) {
        list.push_back(finding_json(finding));
    }
    return list;
}

Cell state_cell(const WorkstationMonth& of_month) {
    switch (of_month.state) {
    case MonthState::complete:
        return {_("complete"), Paint::good};
    case MonthState::incomplete:
        return {_("incomplete"), Paint::warning};
    case MonthState::missing:
        return {_("nothing there"), Paint::bad};
    }
    return {};
}

Table workstation_table(const Status& status) {
    constexpr std::size_t fingerprint_shown = 16;
    Table table({_("Workstation"), _("Fingerprint"), _("Trust"), _("Records until"), status.month.text()});
    for (const WorkstationMonth& of_month : status.workstations) {
        table.add({{to_printable_utf8(of_month.workstation.name)},
                   {of_month.workstation.fingerprint.substr(0, fingerprint_shown)},
                   {word(roster_state(of_month)), of_month.workstation.revoked ? Paint::bad : Paint::plain},
                   {of_month.extent.head.empty() ? "–" : format_china_time(of_month.extent.vouched_until)},
                   state_cell(of_month)});
    }
    return table;
}

} // namespace

Result<Status> read_status(Database& database, const ChinaMonth& month) {
    UKEY_TAKE(transaction, Transaction::begin_reading(database));
    Status status;
    status.month = month;
    UKEY_TAKE(registry, read_registry_at(database, month.end()));
    status.organisations = static_cast<std::uint64_t>(std::ranges::count_if(
        registry, [&](const Organisation& organisation) { return exists_at_end_of(month, organisation); }));
    UKEY_TAKE(workstations, read_workstation_months(database, month));
    status.workstations = std::move(workstations);
    UKEY_TAKE(conflicts, read_conflicts(database, {Timestamp::min(), never}));
    status.conflicts = std::move(conflicts);
    UKEY_TAKE(unknown, unknown_organisations(database, month));
    status.findings = findings_of(status, unknown);
    UKEY_TRY(transaction.commit());
    return status;
}

boost::json::object to_json(const Status& status) {
    boost::json::array workstations;
    for (const WorkstationMonth& of_month : status.workstations) {
        workstations.push_back(to_json(of_month));
    }
    boost::json::object object{{"month", status.month.text()}, {"organisations", status.organisations}};
    object["workstations"] = std::move(workstations);
    object["conflicts"] = conflicts_json(status.conflicts);
    object["findings"] = findings_json(status.findings);
    return object;
}

std::string render(const Status& status, const Style& style) {
    std::string text =
        say(N_("{count} organisations in the registry at the end of {month}."),
            {{"count", std::to_string(status.organisations)}, {"month", status.month.text()}}) +
        "\n";
    if (!status.workstations.empty()) {
        text += workstation_table(status).text(style);
    }
    std::vector<LedgerExtent> ledgers;
    for (const WorkstationMonth& of_month : status.workstations) {
        ledgers.push_back(of_month.extent);
    }
    const WorkstationNames names(ledgers);
    for (const Conflict& conflict : status.conflicts) {
        text += style.paint(Paint::bad, "✘") + " " + to_printable_utf8(describe(conflict, names)) + "\n";
    }
    return text + render_findings(findings_json(status.findings), style);
}

} // namespace ukey::ctl::district
