// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/assessment_json.hpp"

#include <boost/json/serialize.hpp>

#include "tools/report/assessment_text.hpp"

namespace ukey::ctl {

void write_assessment_json(const MonthAssessment& assessment, OutputFile& output) {
    output.write("{\"rows\":[");
    for (const OrganisationAssessment& row : assessment.organisations) {
        const bool first = &row == &assessment.organisations.front();
        output.write((first ? "\n" : ",\n") + boost::json::serialize(row_json(row, assessment)));
    }
    output.write("\n]," + boost::json::serialize(summary_json(assessment)).substr(1) + "\n");
}

} // namespace ukey::ctl
