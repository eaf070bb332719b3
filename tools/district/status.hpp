// SPDX-License-Identifier: Apache-2.0
// `ukeyctl district status`: whose bundles are there, whose are missing for a month, what contradicts, and
// what to do about it.
#pragma once

#include <string>
#include <vector>

#include "daemon/core/finding.hpp"
#include "tools/district/workstation_months.hpp"
#include "tools/style.hpp"

namespace ukey::ctl::district {

struct Status {
    ChinaMonth month;
    std::uint64_t organisations = 0;            ///< in force at the month's end
    std::vector<WorkstationMonth> workstations; ///< by fingerprint
    std::vector<Conflict> conflicts;            ///< of all months
    std::vector<Finding> findings;              ///< what is to be done
};

Result<Status> read_status(Database& database, const ChinaMonth& month);

boost::json::object to_json(const Status& status);
std::string render(const Status& status, const Style& style);

} // namespace ukey::ctl::district
