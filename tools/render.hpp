// SPDX-License-Identifier: Apache-2.0
// Findings, failures, keys and times as text for people, in their language.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "daemon/core/finding.hpp"
#include "tools/failure.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

/// A finding's or failure's texts in the reader's language.
struct Explained {
    std::string message;
    std::string remedy; ///< empty when there is nothing to do
};

/// From the tables by code; `english` is what the sender wrote, for codes that only the sender knows.
Explained explain(std::string_view code, const Places& places, const Explained& english);
Explained explain(const boost::json::object& finding);
Explained explain(const Failure& failure);
Explained explain(const Finding& finding);

/// One finding: mark, message, and the remedy on a line of its own.
std::string render_finding(const boost::json::object& finding, const Style& style, std::size_t indent = 0);
/// All of a list, worst first.
std::string render_findings(const boost::json::array& findings, const Style& style, std::size_t indent = 0);

/// For standard error: "ukeyctl: message" and the remedy.
std::string render_failure(const Failure& failure, const Style& style);

/// The daemon's UTC as China time "2026-04-01 16:30:00"; what is no time stays as it is.
std::string china_time(std::string_view rfc3339);
/// Only the date.
std::string china_date(std::string_view rfc3339);

/// "Member A - Member B" of an Organisation's path; its name when there is no path.
std::string organisation_path(const boost::json::object& organisation);

/// A list named `findings` anywhere inside has one of severity error.
bool has_error_finding(const boost::json::value& value);

} // namespace ukey::ctl
