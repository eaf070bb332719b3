// SPDX-License-Identifier: Apache-2.0
// Is this computer set up right? Checks from what the daemon says and from local looks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/configuration.hpp"
#include "tools/diagnosis/check.hpp"
#include "tools/diagnosis/coverage.hpp"

namespace ukey::ctl {

/// Everything that the checks are made from; gathered once, so that tests can invent it.
struct ComputerView {
    Outcome<boost::json::object> status; ///< of the daemon, or why there is none
    std::string config_path;
    Result<Configuration> configuration;
    std::string pcscd_socket;
    std::optional<std::string> pcscd_refusal; ///< nothing: pcscd answers
    bool pcscd_socket_exists = false;
    std::string filter;                 ///< path of the filter module; empty: not installed
    std::optional<Coverage> coverage{}; ///< nothing: nobody looked, and there is no check of it
};

std::vector<Check> doctor_checks(const ComputerView& view);

/// pcscd's check is the same for a diagnosis.
Check check_pcscd(const ComputerView& view);

} // namespace ukey::ctl
