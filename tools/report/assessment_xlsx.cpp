// SPDX-License-Identifier: Apache-2.0
#include "tools/report/assessment_xlsx.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <xlsxwriter.h>

#include "daemon/core/assessed_units.hpp"
#include "tools/locale.hpp"
#include "tools/report/assessment_charts.hpp"
#include "tools/report/assessment_words.hpp"
#include "tools/report/call_list.hpp"
#include "tools/report/workbook.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

/// In an organisation's row; the sheet of doubts has all.
constexpr std::size_t doubts_in_a_cell_max = 3;

using Row = std::vector<SheetCell>;

Fill fill_of(LoginStatus status) {
    switch (status) {
    case LoginStatus::met:
        return Fill::good;
    case LoginStatus::not_met:
        return Fill::bad;
    case LoginStatus::not_seen_here:
    case LoginStatus::cannot_tell:
        return Fill::undecided;
    case LoginStatus::not_required:
        return Fill::none;
    }
    return Fill::none;
}

SheetCell percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) {
        return {};
    }
    return {Hundredths{static_cast<std::int64_t>(percent_hundredths(part, whole))}};
}

SheetCell points(Points value) {
    return {Hundredths{value.hundredths}};
}

SheetCell points(const std::optional<Points>& value) {
    return value ? points(*value) : SheetCell{};
}

SheetCell time_cell(Timestamp moment) {
    return {format_china_time(moment)};
}

std::string kind_word(OrganisationKind kind) {
    return word(to_string(kind));
}

/// One criterion's columns of the units' table; the first four are asked of, fulfilled, undecided, not
/// fulfilled.
constexpr std::size_t rate_columns = 8;

void add_rate_headings(std::vector<std::string>& headings, const std::string& criterion,
                       AssessmentScope scope) {
    for (const std::string& what :
         {_("asked of"), status_word(LoginStatus::met), status_word(undecided_status(scope)),
          status_word(LoginStatus::not_met), _("percent at least"), _("percent at most"),
          _("deduction at least"), _("deduction at most")}) {
        headings.push_back(criterion + ": " + what);
    }
}

void add_rate(Row& row, const Rate& rate, Points least, Points most) {
    row.insert(row.end(), {{rate.required},
                           {rate.fulfilled_min},
                           {rate.fulfilled_max - rate.fulfilled_min},
                           {rate.required - rate.fulfilled_max},
                           percent(rate.fulfilled_min, rate.required),
                           percent(rate.fulfilled_max, rate.required),
                           points(least),
                           points(most)});
}

/// Columns before the first criterion.
constexpr std::size_t unit_columns = 3;

class Spreadsheet {
  public:
    Spreadsheet(const MonthAssessment& assessment, Workbook& book)
        : assessment_(assessment), book_(book), names_(assessment.ledgers) {}

    void write() {
        lxw_worksheet* summary = book_.add_sheet(_("Summary")); // first, though its charts refer to the next
        const std::string units = write_units();
        write_summary(summary, units);
        write_organisations();
        write_tasks();
        write_evidence();
        write_doubts();
        write_conflicts();
        add_charts_sheet(book_, assessment_);
        write_ledgers();
    }

  private:
    void add_unit(SheetTable& table, const UnitAssessment& unit, const std::string& name, Fill fill) {
        Row row{{unit.code, fill}, {name, fill}, {unit.organisations}};
        add_rate(row, unit.coverage, unit.coverage_deduction_min, unit.coverage_deduction_max);
        add_rate(row, unit.administrators, unit.administrators.deduction_min,
                 unit.administrators.deduction_max);
        add_rate(row, unit.login, unit.login.deduction_min, unit.login.deduction_max);
        row.insert(row.end(), {{unit.senior_coverage.required},
                               {unit.senior_coverage.fulfilled_min},
                               percent(unit.senior_coverage.fulfilled_min, unit.senior_coverage.required),
                               points(unit.deduction_min),
                               points(unit.deduction_max),
                               points(unit.score_min),
                               points(unit.score_max)});
        table.add(row);
    }

    std::string write_units() {
        std::vector<std::string> headings{_("Code"), _("Assessed unit"), _("Organisations")};
        for (const std::string& criterion : {_("Coverage"), _("Administrators"), _("Logins of the month")}) {
            add_rate_headings(headings, criterion, assessment_.scope);
        }
        headings.insert(headings.end(),
                        {_("General branches and above: asked of"), _("General branches and above: covered"),
                         _("General branches and above: %"), _("Deduction at least"), _("Deduction at most"),
                         _("Score at least"), _("Score at most")});
        SheetTable table(book_, _("Assessed units"), headings, 2);
        for (const UnitAssessment& unit : assessment_.units) {
            add_unit(table, unit, unit.code.empty() ? unit_title(unit) : unit.name, Fill::none);
        }
        add_unit(table, assessment_.total, _("All together"), Fill::strong);
        return table.name();
    }

    void write_line(lxw_worksheet* sheet, const std::string& name, const std::string& value) {
        book_.put(sheet, line_, 0, {name, Fill::strong});
        book_.put(sheet, line_++, 1, {value});
    }

    void write_total(lxw_worksheet* sheet, const std::string& name, const Rate& rate, Points least,
                     Points most) {
        Row row{{name}};
        add_rate(row, rate, least, most);
        for (std::size_t column = 0; column < row.size(); ++column) {
            book_.put(sheet, line_, static_cast<std::uint16_t>(column), row[column]);
        }
        ++line_;
    }

    void write_totals(lxw_worksheet* sheet) {
        const std::vector<std::string> headings{_("Criterion"),
                                                _("asked of"),
                                                status_word(LoginStatus::met),
                                                status_word(undecided_status(assessment_.scope)),
                                                status_word(LoginStatus::not_met),
                                                _("percent at least"),
                                                _("percent at most"),
                                                _("deduction at least"),
                                                _("deduction at most")};
        for (std::size_t column = 0; column < headings.size(); ++column) {
            book_.put(sheet, line_, static_cast<std::uint16_t>(column), {headings[column], Fill::heading});
        }
        ++line_;
        const UnitAssessment& total = assessment_.total;
        write_total(sheet, _("Coverage"), total.coverage, total.coverage_deduction_min,
                    total.coverage_deduction_max);
        write_total(sheet, _("Administrators"), total.administrators, total.administrators.deduction_min,
                    total.administrators.deduction_max);
        write_total(sheet, _("Logins of the month"), total.login, total.login.deduction_min,
                    total.login.deduction_max);
    }

    void write_facts(lxw_worksheet* sheet) {
        write_line(sheet, _("Month (China time)"),
                   fmt::format("{} – {}", format_china_time(assessment_.month.begin()),
                               format_china_time(assessment_.month.end() - Timestamp::duration(1))));
        write_line(sheet, _("Organisations"), std::to_string(assessment_.total.organisations));
        write_line(sheet, _("Rule"), assessment_.rule.name);
        for (const std::string& line : rule_lines(assessment_.rule)) {
            write_line(sheet, "", line);
        }
        write_line(sheet, _("Rule's SHA-256"), assessment_.rule.sha256);
        write_line(sheet, _("Registry's SHA-256"), assessment_.registry_sha256);
        write_line(sheet, _("Ledgers"), std::to_string(assessment_.ledgers.size()));
        if (assessment_.ledgers.size() == 1) {
            write_line(
                sheet, _("Ledger's head"),
                fmt::format("{} {}", assessment_.ledgers.front().last_seq, assessment_.ledgers.front().head));
        }
    }

    void write_summary(lxw_worksheet* sheet, const std::string& units) {
        worksheet_set_column(sheet, 0, 0, 28, nullptr);
        worksheet_set_column(sheet, 1, 8, 13, nullptr);
        worksheet_fit_to_pages(sheet, 1, 1);
        constexpr double title_height = 26; // points
        worksheet_set_row(sheet, line_, title_height, nullptr);
        book_.put(sheet, line_++, 0, {title_of(assessment_), Fill::title});
        book_.put(sheet, line_++, 0, {basis_of(assessment_.scope)});
        if (const std::string note = unfinished_note(assessment_); !note.empty()) {
            book_.put(sheet, line_++, 0, {note});
        }
        if (!assessment_.all_organisations) {
            book_.put(sheet, line_++, 0,
                      {_("Only the organisations of your own keys and logins are listed.")});
        }
        ++line_;
        write_totals(sheet);
        ++line_;
        write_facts(sheet);
        const std::uint32_t chart_row = line_ + 1;
        std::uint16_t place = 0;
        for (const std::string& criterion : {_("Coverage"), _("Administrators"), _("Logins of the month")}) {
            // Side by side: the first column is as wide as two of the others.
            const auto column = static_cast<std::uint16_t>(place == 0 ? 0 : 4 + 5 * (place - 1));
            add_criterion_chart(
                book_, sheet, chart_row, column,
                {.title = criterion,
                 .units_sheet = units,
                 .first_column = static_cast<std::uint16_t>(unit_columns + place * rate_columns + 1),
                 .units = assessment_.units.size()},
                assessment_.scope);
            ++place;
        }
    }

    std::string doubts_text(const std::vector<Doubt>& doubts) const {
        std::string text;
        for (std::size_t i = 0; i < std::min(doubts.size(), doubts_in_a_cell_max); ++i) {
            text += (i == 0 ? "" : "; ") + describe(doubts[i], names_);
        }
        return doubts.size() <= doubts_in_a_cell_max
                   ? text
                   : text + "; " +
                         say(N_("and {count} more"),
                             {{"count", std::to_string(doubts.size() - doubts_in_a_cell_max)}});
    }

    void add_organisation(SheetTable& table, const OrganisationAssessment& row) {
        const Organisation& organisation = row.organisation;
        const bool known = row.administrator == AdministratorState::known ||
                           row.administrator == AdministratorState::not_required;
        const auto administrator = organisation.administrator.value_or(Administrator{});
        table.add({{organisation.assessed_unit},
                   {assessed_unit_name(organisation.assessed_unit)},
                   {organisation.code},
                   {organisation.name()},
                   {join_path(organisation.path)},
                   {kind_word(organisation.kind)},
                   {status_word(row.login), fill_of(row.login)},
                   {explain_reason(row.reason)},
                   {std::uint64_t{row.counted_sessions}},
                   {std::uint64_t{assessment_.rule.login.sessions_required}},
                   {days_text(row.days)},
                   {row.last_login ? format_china_time(*row.last_login) : std::string()},
                   {row.via},
                   {covered_word(row.covered), row.covered == Covered::no ? Fill::bad : Fill::none},
                   {administrator_word(row.administrator), known ? Fill::none : Fill::bad},
                   {administrator.name},
                   {administrator.mobile},
                   row.platform_logins ? SheetCell{*row.platform_logins} : SheetCell{},
                   {doubts_text(row.doubts)},
                   {short_basis_of(assessment_.scope)}});
    }

    void write_organisations() {
        SheetTable table(book_, _("Organisations"),
                         {_("Unit"),
                          _("Assessed unit"),
                          _("Code"),
                          _("Organisation"),
                          _("Affiliation"),
                          _("Kind"),
                          _("State"),
                          _("Reason"),
                          _("Counted logins"),
                          _("Required"),
                          _("Days with logins"),
                          _("Last login"),
                          _("Answered by"),
                          _("Works with"),
                          _("Administrator's entry"),
                          _("Administrator"),
                          _("Telephone"),
                          _("Platform's own record (not added)"),
                          _("Doubts"),
                          _("Basis")});
        for (const OrganisationAssessment& row : assessment_.organisations) {
            add_organisation(table, row);
        }
    }

    void write_tasks() {
        SheetTable table(book_, _("To do"),
                         {_("Unit"), _("Code"), _("Organisation"), _("Affiliation"), _("Missing"),
                          _("Reason"), _("Whom to call"), _("Telephone"), _("of the organisation")});
        const CallList calls(assessment_.organisations);
        for (const OrganisationAssessment& row : assessment_.organisations) {
            const auto missing = missing_of(row);
            if (missing.empty()) {
                continue;
            }
            const Contact contact = calls.contact_of(row);
            table.add({{row.organisation.assessed_unit},
                       {row.organisation.code},
                       {row.organisation.name()},
                       {join_path(row.organisation.path)},
                       {fmt::format("{}", fmt::join(missing, _(", ")))},
                       {explain_reason(row.reason)},
                       {name_or_reason(contact)},
                       {contact.mobile},
                       {contact.of}});
        }
    }

    void write_evidence() {
        SheetTable table(book_, _("Evidence"),
                         {_("Code"), _("Organisation"), _("Login at"), _("Grade"), _("Uses of the key"),
                          _("U-Key"), _("Login's number"), _("Workstation")});
        for (const OrganisationAssessment& row : assessment_.organisations) {
            for (const LoginEvidenceRow& login : row.evidence) {
                table.add({{row.organisation.code},
                           {row.organisation.name()},
                           time_cell(login.started),
                           {word(to_string(login.grade))},
                           {login.uses},
                           {login.key_id},
                           {login.login},
                           {login.workstation.empty() ? _("this computer") : login.workstation.text()}});
            }
        }
    }

    void write_doubts() {
        SheetTable table(
            book_, _("Doubts"),
            {_("Code"), _("Organisation"), _("From"), _("To"), _("Doubt"), _("Workstation"), _("Kind")});
        for (const OrganisationAssessment& row : assessment_.organisations) {
            for (const Doubt& doubt : row.doubts) {
                table.add({{row.organisation.code},
                           {row.organisation.name()},
                           time_cell(doubt.from),
                           time_cell(doubt.to),
                           {explain_reason(doubt.code)},
                           {doubt.workstation},
                           {doubt.code}});
            }
        }
    }

    void write_conflicts() {
        if (assessment_.conflicts.empty()) {
            return;
        }
        SheetTable table(book_, _("Conflicts"),
                         {_("Time"), _("Conflict"), _("U-Key"), _("Organisations"), _("Workstations"),
                          _("Detail"), _("Kind")});
        for (const Conflict& conflict : assessment_.conflicts) {
            table.add({time_cell(conflict.time),
                       {explain_reason(conflict.code)},
                       {conflict.key_id},
                       {fmt::format("{}", fmt::join(conflict.organisations, ", "))},
                       {fmt::format("{}", fmt::join(conflict.workstations, ", "))},
                       {conflict.detail},
                       {conflict.code}});
        }
    }

    void write_ledgers() {
        SheetTable table(book_, _("Ledgers"),
                         {_("Name"), _("Workstation"), _("First record"), _("Last record"),
                          _("Vouched until"), _("Whole month"), _("Head")});
        for (const LedgerExtent& ledger : assessment_.ledgers) {
            table.add({{ledger.name},
                       {ledger.workstation.empty() ? _("this computer") : ledger.workstation},
                       {ledger.first_seq},
                       {ledger.last_seq},
                       time_cell(ledger.vouched_until),
                       {ledger.complete_month ? _("yes") : _("no"),
                        ledger.complete_month ? Fill::none : Fill::undecided},
                       {ledger.head}});
        }
    }

    const MonthAssessment& assessment_;
    Workbook& book_;
    WorkstationNames names_;
    std::uint32_t line_ = 0; ///< of the summary
};

} // namespace

Outcome<void> write_assessment_xlsx(const MonthAssessment& assessment, const std::string& path) {
    auto book =
        Workbook::create(path, {.title = title_of(assessment),
                                .created = assessment.month.end(),
                                .large = assessment.organisations.size() > xlsx_in_memory_organisations_max});
    if (!book) {
        return tl::unexpected(book.error());
    }
    Spreadsheet(assessment, *book).write();
    return book->close();
}

} // namespace ukey::ctl
