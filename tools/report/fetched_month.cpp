// SPDX-License-Identifier: Apache-2.0
#include "tools/report/fetched_month.hpp"

#include "daemon/core/assessment_json.hpp"

namespace ukey::ctl {

Outcome<MonthAssessment> fetch_month(const Context& context, const ChinaMonth& month) {
    const auto report = context.ask_for_list("report.month", {{"month", month.text()}}, "rows");
    if (!report) {
        return tl::unexpected(report.error());
    }
    auto assessment = assessment_from_json(*report);
    if (!assessment) {
        return fail_with("control.bad_answer", {{"reason", assessment.error().reason}});
    }
    return std::move(*assessment);
}

} // namespace ukey::ctl
