// SPDX-License-Identifier: Apache-2.0
// One thing looked at, and what was found: what doctor and diagnose are lists of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "daemon/core/finding.hpp"
#include "tools/failure.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

enum class CheckState { ok, failed, unknown, skipped };
std::string_view to_string(CheckState state);

/// A gettext message id and what goes into its places: English in JSON, the reader's language on a terminal.
struct Text {
    std::string_view text;
    Places places;
    /// Message ids that together fill the place {items}.
    std::vector<std::string_view> items{};
};

struct Check {
    std::string_view name;  ///< for programs: "pcscd"
    std::string_view title; ///< for people, a gettext message id
    CheckState state = CheckState::unknown;
    Text found;
    /// The shape Finding; empty when there is none.
    boost::json::object finding;
};

boost::json::object to_json(const Check& check);
std::string render_checks(const std::vector<Check>& checks, const Style& style);

/// nullptr when none failed.
const Check* first_failed(const std::vector<Check>& checks);

} // namespace ukey::ctl
