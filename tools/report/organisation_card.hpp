// SPDX-License-Identifier: Apache-2.0
// One organisation in the HTML report: its month as a calendar, what it did, what is missing, whom to call.
#pragma once

#include <string_view>

#include "daemon/core/assessment.hpp"
#include "tools/report/assessment_words.hpp"
#include "tools/report/call_list.hpp"
#include "tools/report/html_writer.hpp"

namespace ukey::ctl {

/// The class of the style sheet: met, undecided, not-met, not-required.
std::string_view style_class(LoginStatus status);

void write_card(HtmlWriter& page, const OrganisationAssessment& row, const MonthAssessment& assessment,
                const CallList& calls, const WorkstationNames& names);

} // namespace ukey::ctl
