// SPDX-License-Identifier: Apache-2.0
#include "tools/district/workstation_months.hpp"

#include <algorithm>
#include <map>

#include "daemon/core/base64.hpp"
#include "daemon/core/time_spans.hpp"
#include "tools/district/branches.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/history.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

class MonthReader {
  public:
    MonthReader(Database& database, const ChinaMonth& month)
        : database_(database), whole_{month.begin(), month.end()} {}

    Result<WorkstationMonth> read(Workstation workstation);

  private:
    Result<void> read_extent(WorkstationMonth& found);
    Result<std::vector<TimeSpan>> read_coverage(std::int64_t workstation);
    Result<void> judge(WorkstationMonth& found);
    Result<void> read_doubts(WorkstationMonth& found);
    Doubt doubt(const WorkstationMonth& found, std::string code, TimeSpan span) const;

    Database& database_;
    TimeSpan whole_;
};

Doubt MonthReader::doubt(const WorkstationMonth& found, std::string code, TimeSpan span) const {
    return {.code = std::move(code),
            .workstation = found.workstation.fingerprint,
            .from = std::max(span.from, whole_.from),
            .to = std::min(span.to, whole_.to)};
}

Result<void> MonthReader::read_extent(WorkstationMonth& found) {
    found.extent.workstation = found.workstation.fingerprint;
    found.extent.name = found.workstation.name;
    UKEY_TAKE(branches, read_branches(database_, found.workstation.id));
    if (branches.empty()) {
        return {};
    }
    const Branch& furthest = branches.front();
    found.extent.first_seq = std::ranges::min(branches, {}, &Branch::first_seq).first_seq;
    found.extent.last_seq = furthest.last_seq;
    found.extent.head = hex_encode(furthest.last_hash);
    found.extent.vouched_until = std::ranges::max(branches, {}, &Branch::vouched).vouched;
    return {};
}

Result<std::vector<TimeSpan>> MonthReader::read_coverage(std::int64_t workstation) {
    auto statement =
        database_.prepare("SELECT from_us, to_us FROM coverage WHERE workstation = ? ORDER BY from_us");
    statement.bind(workstation);
    std::vector<TimeSpan> coverage;
    UKEY_TRY(statement.each([&] {
        coverage.push_back({time_of(statement.integer(0)), time_of(statement.integer(1))});
    }));
    return coverage;
}

Result<void> MonthReader::judge(WorkstationMonth& found) {
    UKEY_TAKE(coverage, read_coverage(found.workstation.id));
    const bool begins_later =
        found.extent.first_seq == 1 && !coverage.empty() && coverage.front().from >= whole_.to;
    found.delivered = begins_later || (!coverage.empty() && coverage.front().from < whole_.to);
    const bool complete = gaps_between(coverage, whole_).empty();
    found.extent.complete_month = complete;
    const bool touched = std::ranges::any_of(
        coverage, [&](const TimeSpan& span) { return span.from < whole_.to && span.to > whole_.from; });
    found.state = complete ? MonthState::complete : touched ? MonthState::incomplete : MonthState::missing;
    const TimeSpan asked{whole_.from, std::min(whole_.to, found.workstation.revoked.value_or(whole_.to))};
    for (const TimeSpan& gap : gaps_between(coverage, asked)) {
        found.doubts.push_back(doubt(found, touched ? "workstation.incomplete" : "workstation.missing", gap));
    }
    return {};
}

/// The first ones, and what is left as one.
std::vector<TimeSpan> bounded(std::vector<TimeSpan> spans) {
    if (spans.size() > doubts_of_a_kind_max) {
        spans[doubts_of_a_kind_max - 1].to = spans.back().to;
        spans.resize(doubts_of_a_kind_max);
    }
    return spans;
}

Result<void> MonthReader::read_doubts(WorkstationMonth& found) {
    auto statement =
        database_.prepare("SELECT code, key, from_us, to_us FROM doubt WHERE workstation = ? AND "
                          "from_us < ? AND to_us > ?");
    statement.bind(found.workstation.id).bind(microseconds_of(whole_.to)).bind(microseconds_of(whole_.from));
    std::map<std::pair<std::string, std::int64_t>, std::vector<TimeSpan>> spans;
    UKEY_TRY(statement.each([&] {
        spans[{statement.text(0), statement.integer(1)}].push_back(
            {time_of(statement.integer(2)), time_of(statement.integer(3))});
    }));
    for (auto& [kind, of_kind] : spans) {
        for (const TimeSpan& span : bounded(joined_spans(std::move(of_kind)))) {
            Doubt one = doubt(found, kind.first, span);
            if (kind.second == 0) {
                found.doubts.push_back(std::move(one));
            } else {
                found.key_doubts.push_back({kind.second, std::move(one)});
            }
        }
    }
    std::ranges::sort(found.doubts, {}, [](const Doubt& one) {
        return std::tuple(one.from, std::string_view(one.code), one.to);
    });
    return {};
}

Result<WorkstationMonth> MonthReader::read(Workstation workstation) {
    WorkstationMonth found;
    found.workstation = std::move(workstation);
    UKEY_TRY(read_extent(found));
    UKEY_TRY(judge(found));
    UKEY_TRY(read_doubts(found));
    return found;
}

} // namespace

std::string_view to_string(MonthState state) {
    switch (state) {
    case MonthState::complete:
        return "complete";
    case MonthState::incomplete:
        return "incomplete";
    case MonthState::missing:
        return "missing";
    }
    return "missing";
}

Result<std::vector<WorkstationMonth>> read_workstation_months(Database& database, const ChinaMonth& month) {
    UKEY_TAKE(roster, read_roster(database));
    MonthReader reader(database, month);
    std::vector<WorkstationMonth> months;
    for (Workstation& workstation : roster) {
        if (!workstation.ledger_is_of.empty()) {
            continue;
        }
        UKEY_TAKE(found, reader.read(std::move(workstation)));
        months.push_back(std::move(found));
    }
    return months;
}

} // namespace ukey::ctl::district
