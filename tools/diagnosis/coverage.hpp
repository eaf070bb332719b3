// SPDX-License-Identifier: Apache-2.0
// Which programs have a U-Key's module loaded, and which of them without the filter: those log in unseen.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/finding.hpp"
#include "tools/diagnosis/check.hpp"
#include "tools/diagnosis/process_maps.hpp"

namespace ukey::ctl {

/// What is looked for, from the service's and the filter's configuration.
struct CoverageQuestion {
    std::vector<std::string> backends; ///< paths of the configured modules
    std::string filter;                ///< path of the installed one; empty: none is
    std::string probe;                 ///< the installed ukey-probe
    std::set<pid_t> workers;           ///< as the service reports them
};

enum class FilterUse { none, installed, other };
std::string_view to_string(FilterUse use);

/// A process with a configured module or the filter in it.
struct ModuleUser {
    pid_t pid = 0;
    uid_t uid = 0;
    std::string user; ///< its name, or the number
    std::string executable;
    std::vector<std::string> backends;
    FilterUse filter = FilterUse::none;
    bool worker = false; ///< one of the service's own, which needs no filter
};

struct Coverage {
    std::vector<ModuleUser> users;
    std::size_t looked_at = 0;
    std::size_t unseen = 0;
    bool cut_short = false;
    bool as_root = false; ///< without it, other users' processes are not seen
    std::string caller;   ///< name of the user who looked
    std::vector<Finding> findings;

    bool complete() const { return as_root && unseen == 0 && !cut_short; }
};

Coverage look_at_coverage(const CoverageQuestion& question);

/// The same from processes that were looked at; `sight` may be invented.
Coverage judge_coverage(const CoverageQuestion& question, const ProcessSight& sight, bool as_root,
                        const std::string& caller);

boost::json::object to_json(const Coverage& coverage);
Check check_coverage(const Coverage& coverage);
/// Who loads what, as a table, and every finding with its remedy; empty when there is neither.
std::string render_coverage(const Coverage& coverage, const Style& style);

} // namespace ukey::ctl
