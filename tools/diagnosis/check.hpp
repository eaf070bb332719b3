// SPDX-License-Identifier: Apache-2.0
// One thing looked at, and what was found: what doctor and diagnose are lists of.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "daemon/core/finding.hpp"
#include "tools/failure.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

/// `warning`: it works, and somebody should see to it.
enum class CheckState { ok, warning, failed, unknown, skipped };
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
    /// Where it was looked, in English.
    std::string looked_at{};
    /// How long the looking took; 0 for what was already at hand.
    std::chrono::microseconds took{0};

    void set(CheckState new_state, std::string_view text, Places places = {});
    void fail(boost::json::object with_finding);
    void warn(boost::json::object with_finding);
    /// Fails when there is such a finding; an empty one is none.
    bool fails_by(boost::json::object with_finding);
};

/// Nothing is known of it yet.
Check layer(std::string_view name, std::string_view title);

boost::json::object to_json(const Check& check);
/// What was found, in the reader's language.
std::string found_text(const Check& check);
/// Of its finding; empty: none.
std::string code_of(const Check& check);
std::string render_checks(const std::vector<Check>& checks, const Style& style);

/// nullptr when none failed.
const Check* first_failed(const std::vector<Check>& checks);

} // namespace ukey::ctl
