// SPDX-License-Identifier: Apache-2.0
#include "tests/support/district_sample.hpp"

#include <stdexcept>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/core/assessment_json.hpp"
#include "tools/district/conflicts.hpp"
#include "tools/district/history.hpp"
#include "tools/district/month_facts.hpp"
#include "tools/district/registry_history.hpp"
#include "tools/district/roster.hpp"

namespace ukey::test {
namespace {

/// A test that goes on after this would say nothing.
template <typename Value>
Value taken(Result<Value> result) {
    if (!result) {
        throw std::runtime_error(to_string(result.error()));
    }
    return std::move(*result);
}

void done(const Result<void>& result) {
    if (!result) {
        throw std::runtime_error(to_string(result.error()));
    }
}

} // namespace

DistrictSample::DistrictSample()
    : store_(taken(ctl::district::Store::create((folder_.path() / "district.db").string()))) {}

void DistrictSample::enrol(const WorkstationSample& workstation, const std::string& name) {
    done(ctl::district::enrol(database(), workstation.fingerprint(), name, Timestamp()));
}

void DistrictSample::revoke(const WorkstationSample& workstation, std::string_view time) {
    done(ctl::district::revoke(database(), workstation.fingerprint(), parse_timestamp(time).value()));
}

ctl::district::Import DistrictSample::import(const std::vector<std::string>& bundles,
                                             const std::vector<std::string>& ca_paths) {
    ctl::district::ImportRequest request{
        .files = {}, .ca_paths = ca_paths, .now = parse_timestamp("2026-07-01T00:00:00Z").value()};
    for (const std::string& bundle : bundles) {
        request.files.push_back(folder_.write(fmt::format("{}.bundle", ++files_), bundle));
    }
    const auto import = ctl::district::import_bundles(store_, request);
    if (!import) {
        throw std::runtime_error(import.error().code);
    }
    return *import;
}

void DistrictSample::registry(const std::string& rows, std::string_view since) {
    const std::string file = "path,code,kind,assessed_unit,key_required,mobile_terminal,answered_for_by,"
                             "administrator,mobile\n" +
                             rows;
    taken(ctl::district::import_registry(database(), "registry", taken(read_registry("registry", file)),
                                         taken(ChinaDate::parse(since)), false));
}

MonthFacts DistrictSample::facts(std::string_view month) {
    return taken(ctl::district::read_month_facts(database(), taken(ChinaMonth::parse(month)),
                                                 CriterionRule::built_in()));
}

std::string DistrictSample::report(std::string_view month) {
    const MonthAssessment assessment = assess(facts(month), CriterionRule::built_in());
    std::string text = boost::json::serialize(summary_json(assessment));
    for (const OrganisationAssessment& row : assessment.organisations) {
        text += "\n" + boost::json::serialize(row_json(row, assessment));
    }
    return text;
}

std::string DistrictSample::conflicts() {
    std::string text;
    const auto all =
        taken(ctl::district::read_conflicts(database(), {Timestamp::min(), ctl::district::never}));
    for (const Conflict& conflict : all) {
        text += fmt::format("{} {} [{}] {} {}\n", conflict.code, conflict.key_id,
                            fmt::join(conflict.organisations, ","), conflict.workstations.size(),
                            conflict.detail);
    }
    return text;
}

} // namespace ukey::test
