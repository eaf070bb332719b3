// SPDX-License-Identifier: Apache-2.0
// `ukeyctl district import`: bundles are checked, each for itself and whose it is, and what they say goes
// into the store.
#pragma once

#include <string>
#include <vector>

#include "tools/audit/bundle_check.hpp"
#include "tools/district/store.hpp"
#include "tools/failure.hpp"
#include "tools/style.hpp"

namespace ukey::ctl::district {

struct ImportRequest {
    std::vector<std::string> files; ///< bundles, or folders of them (*.bundle)
    /// CA files or folders for the U-Keys' certificates; empty: only signatures are checked.
    std::vector<std::string> ca_paths;
    Timestamp now{}; ///< by the office's own clock
};

struct ImportedFile {
    std::string file;
    std::string workstation;      ///< fingerprint; empty: the file does not say
    std::string workstation_name; ///< in the roster, else the bundle's own word
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t records = 0;
    std::uint64_t added = 0;      ///< records that were not known
    std::uint64_t unreadable = 0; ///< records that say nothing that can be understood
    bool known = false;           ///< the same file was imported before
    /// Why nothing of it was imported; also `bundle.workstation_unknown`, `bundle.workstation_revoked`,
    /// `bundle.clock_ahead`.
    std::vector<BundleProblem> problems;

    bool holds() const { return problems.empty(); }
};

struct Import {
    std::vector<ImportedFile> files;       ///< as they were named
    std::vector<std::string> conflicts_of; ///< fingerprints: of these there are conflicts

    bool holds() const;
};

/// Shows progress; blocks. A file that does not hold is no failure: nothing of it is imported, the others
/// are. Errors `file.unreadable`, `district.unusable`.
Outcome<Import> import_bundles(Store& store, const ImportRequest& request);

boost::json::object to_json(const Import& import);
std::string render(const Import& import, const Style& style);

} // namespace ukey::ctl::district
