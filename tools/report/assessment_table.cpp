// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <thread>

#include "daemon/core/text.hpp"
#include "tools/locale.hpp"
#include "tools/parallel.hpp"
#include "tools/report/assessment_text.hpp"
#include "tools/report/assessment_words.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

using Rows = std::vector<const OrganisationAssessment*>;

std::map<std::string, Rows> rows_by_unit(const MonthAssessment& assessment) {
    std::map<std::string, Rows> grouped;
    for (const OrganisationAssessment& row : assessment.organisations) {
        grouped[row.organisation.assessed_unit].push_back(&row);
    }
    return grouped;
}

/// "01 重庆…: 12 of 20 met, 60.00 %"
std::string login_line(const std::string& title, const UnitAssessment& unit) {
    return say(N_("{unit}: {met} of {organisations} met, {percent} %"),
               {{"unit", title},
                {"met", std::to_string(unit.login.fulfilled_min)},
                {"organisations", std::to_string(unit.login.required)},
                {"percent", percent_range(unit.login)}});
}

std::string deduction_line(const UnitAssessment& unit) {
    return say(N_("Covered {coverage} %, administrators {administrators} %; deduction {coverage_points} + "
                  "{administrator_points} + {login_points} = {sum} points"),
               {{"coverage", percent_range(unit.coverage)},
                {"administrators", percent_range(unit.administrators)},
                {"coverage_points", points_range(unit.coverage_deduction_min, unit.coverage_deduction_max)},
                {"administrator_points",
                 points_range(unit.administrators.deduction_min, unit.administrators.deduction_max)},
                {"login_points", points_range(unit.login.deduction_min, unit.login.deduction_max)},
                {"sum", points_range(unit.deduction_min, unit.deduction_max)}});
}

std::string rows_text(const Rows& rows, const MonthAssessment& assessment, const Style& style) {
    Table table({"", _("State"), _("Logins"), _("Last login"), _("Answered by"), _("Code"), _("Organisation"),
                 _("Reason")});
    const std::string required = std::to_string(assessment.rule.login.sessions_required);
    for (const OrganisationAssessment* row : rows) {
        table.add({mark(to_string(row->login)),
                   {status_word(row->login)},
                   {std::to_string(row->counted_sessions) + "/" + required},
                   {row->last_login ? format_china_time(*row->last_login) : ""},
                   {to_printable_utf8(row->via)},
                   {to_printable_utf8(row->organisation.code)},
                   {to_printable_utf8(join_path(row->organisation.path))},
                   {word(row->reason)}});
    }
    return table.text(style, 2);
}

std::string unit_text(const UnitAssessment& unit, const Rows& rows, const MonthAssessment& assessment,
                      const Style& style) {
    return "\n" + style.paint(Paint::strong, login_line(unit_title(unit), unit)) + "\n" +
           deduction_line(unit) + "\n" + rows_text(rows, assessment, style);
}

std::vector<std::string> unit_texts(const MonthAssessment& assessment, const Style& style) {
    const auto rows = rows_by_unit(assessment);
    std::vector<std::string> texts(assessment.units.size());
    const auto write = [&](std::size_t begin, std::size_t end) {
        for (std::size_t index = begin; index < end; ++index) {
            const UnitAssessment& unit = assessment.units[index];
            texts[index] = unit_text(unit, rows.at(unit.code), assessment, style);
        }
    };
    share_out(texts.size(), std::thread::hardware_concurrency(), write, 1);
    return texts;
}

std::string conflicts_text(const MonthAssessment& assessment, const Style& style) {
    const WorkstationNames names(assessment.ledgers);
    std::string lines;
    for (const Conflict& conflict : assessment.conflicts) {
        lines += style.paint(Paint::bad, "✘") + " " + to_printable_utf8(describe(conflict, names)) + "\n";
    }
    return lines.empty() ? lines
                         : "\n" + style.paint(Paint::strong, _("What does not fit together")) + "\n" + lines;
}

} // namespace

void write_assessment_table(const MonthAssessment& assessment, const Style& style, OutputFile& output) {
    output.write(style.paint(Paint::strong, title_of(assessment)) + "\n" + basis_of(assessment.scope) + "\n");
    if (const std::string note = unfinished_note(assessment); !note.empty()) {
        output.write(note + "\n");
    }
    output.write(say(N_("Rule: {rule}"), {{"rule", to_printable_utf8(assessment.rule.name)}}) + "\n");
    for (const std::string& text : unit_texts(assessment, style)) {
        output.write(text);
    }
    output.write(conflicts_text(assessment, style));
    output.write("\n" + login_line(_("All together"), assessment.total) + "\n");
}

} // namespace ukey::ctl
