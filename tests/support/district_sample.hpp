// SPDX-License-Identifier: Apache-2.0
// A district's store in a temporary folder, and what goes into it.
#pragma once

#include <string>
#include <vector>

#include "daemon/core/assessment.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/workstation_sample.hpp"
#include "tools/district/import.hpp"
#include "tools/district/store.hpp"

namespace ukey::test {

class DistrictSample {
  public:
    DistrictSample();

    ctl::district::Store& store() { return store_; }
    Database& database() { return store_.database(); }
    const TemporaryFolder& folder() const { return folder_; }

    void enrol(const WorkstationSample& workstation, const std::string& name = "office");
    void revoke(const WorkstationSample& workstation, std::string_view time);
    /// Imports bundles in one go, on 1 July 2026; each is written to a file of its own.
    ctl::district::Import import(const std::vector<std::string>& bundles,
                                 const std::vector<std::string>& ca_paths = {});
    /// Rows of a registry file below its heading: path, code and further columns; holds since that day.
    void registry(const std::string& rows, std::string_view since = "2026-01-01");

    MonthFacts facts(std::string_view month);
    /// What the criteria make of it, as JSON with everything in it.
    std::string report(std::string_view month);
    /// "code key organisations workstation-count detail", a line each.
    std::string conflicts();

  private:
    TemporaryFolder folder_;
    ctl::district::Store store_;
    unsigned files_ = 0;
};

} // namespace ukey::test
