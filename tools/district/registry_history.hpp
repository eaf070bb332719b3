// SPDX-License-Identifier: Apache-2.0
// The registry as it was at any time: each organisation's row, and since when it holds.
#pragma once

#include <string>
#include <vector>

#include "daemon/core/china_date.hpp"
#include "daemon/core/registry_file.hpp"
#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

struct RegistryChanges {
    std::size_t added = 0;
    std::size_t changed = 0;
    std::size_t unchanged = 0;
};

/// As the service's import: all rows are checked against each other and against what holds on that day, all
/// or nothing. A row that differs holds from that day on; a row of the same day is replaced. Organisations
/// that are not named stay as they are. With `dry_run` nothing is written.
Result<RegistryChanges> import_registry(Database& database, const std::string& file,
                                        const std::vector<RegistryRow>& rows, const ChinaDate& since,
                                        bool dry_run);

/// By path. Of each organisation what held last before `moment`; its first row when there was none yet.
Result<std::vector<Organisation>> read_registry_at(Database& database, Timestamp moment);

} // namespace ukey::ctl::district
