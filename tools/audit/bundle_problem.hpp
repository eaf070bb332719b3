// SPDX-License-Identifier: Apache-2.0
// What is wrong with bundles, for programs and for people.
#pragma once

#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include "tools/audit/bundle_check.hpp"
#include "tools/failure.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

/// {code, seq or null, reason}
boost::json::object problem_json(const BundleProblem& problem);
boost::json::array problems_json(const std::vector<BundleProblem>& problems);

/// What happened, and below it what to do. `more` fills places of the message besides {seq} and {reason}.
std::string problem_line(const BundleProblem& problem, const Places& more, const Style& style);

} // namespace ukey::ctl
