// SPDX-License-Identifier: Apache-2.0
// The login criterion of a month as a table for people and as CSV for a spreadsheet.
#pragma once

#include <string>

#include <boost/json.hpp>

#include "tools/style.hpp"

namespace ukey::ctl {

/// `report` is {rows: [Row of the criterion], month, rule, units, totals, basis}. Grouped by assessed unit.
std::string render_month_table(const boost::json::object& report, const Style& style);

/// UTF-8 with a byte order mark, one row an organisation, RFC 4180, safe to open in a spreadsheet.
std::string render_month_csv(const boost::json::object& report);

} // namespace ukey::ctl
