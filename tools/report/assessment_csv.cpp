// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/csv.hpp"
#include "tools/locale.hpp"
#include "tools/report/assessment_text.hpp"
#include "tools/report/assessment_words.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::string headings() {
    return csv_line({_("Month"), _("Unit"), _("Code"), _("Affiliation"), _("Organisation"), _("State"),
                     _("Counted logins"), _("Required"), _("Answered by"), _("Last login"), _("Reason"),
                     _("Days with logins"), _("Works with"), _("Administrator's entry"), _("Administrator"),
                     _("Telephone"), _("Platform's own record (not added)"), _("Basis")});
}

std::string line_of(const OrganisationAssessment& row, const MonthAssessment& assessment) {
    const Organisation& organisation = row.organisation;
    const Administrator administrator = organisation.administrator.value_or(Administrator{});
    return csv_line(
        {assessment.month.text(), organisation.assessed_unit, organisation.code, join_path(organisation.path),
         organisation.name(), status_word(row.login), std::to_string(row.counted_sessions),
         std::to_string(assessment.rule.login.sessions_required), row.via,
         row.last_login ? format_china_time(*row.last_login) : "", word(row.reason), days_text(row.days),
         covered_word(row.covered), administrator_word(row.administrator), administrator.name,
         administrator.mobile, row.platform_logins ? std::to_string(*row.platform_logins) : "",
         short_basis_of(assessment.scope)});
}

} // namespace

void write_assessment_csv(const MonthAssessment& assessment, OutputFile& output) {
    output.write(utf8_byte_order_mark);
    output.write(headings());
    for (const OrganisationAssessment& row : assessment.organisations) {
        output.write(line_of(row, assessment));
    }
}

} // namespace ukey::ctl
