// SPDX-License-Identifier: Apache-2.0
#include "tools/report/assessment_html.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "embedded/assessment_css.hpp"
#include "embedded/bar_patterns.hpp"
#include "tools/locale.hpp"
#include "tools/report/assessment_words.hpp"
#include "tools/report/call_list.hpp"
#include "tools/report/html_writer.hpp"
#include "tools/report/organisation_card.hpp"

namespace ukey::ctl {
namespace {

/// One of the three criteria, or a part of one.
struct Parts {
    std::uint64_t met = 0;
    std::uint64_t undecided = 0;
    std::uint64_t not_met = 0;
};

Parts parts_of(const Rate& rate) {
    return {rate.fulfilled_min, rate.fulfilled_max - rate.fulfilled_min, rate.required - rate.fulfilled_max};
}

void write_bar_part(HtmlWriter& page, std::string_view style, std::uint64_t before, std::uint64_t part,
                    std::uint64_t whole) {
    if (part > 0) {
        const auto percent = [whole](std::uint64_t of) {
            return fmt::format("{:.3f}%", 100.0 * static_cast<double>(of) / static_cast<double>(whole));
        };
        page.text_element(
            "rect", "",
            {{"class", style}, {"x", percent(before)}, {"width", percent(part)}, {"height", "100%"}});
    }
}

/// `label` says the bar to those who do not see it.
void write_bar(HtmlWriter& page, const Parts& parts, const std::string& label) {
    const std::uint64_t whole = parts.met + parts.undecided + parts.not_met;
    const auto bar = page.element("svg", {{"class", "bar"}, {"role", "img"}, {"aria-label", label}});
    write_bar_part(page, "met", 0, parts.met, whole);
    write_bar_part(page, "undecided", parts.met, parts.undecided, whole);
    write_bar_part(page, "not-met", parts.met + parts.undecided, parts.not_met, whole);
}

/// The report with what all its sections need.
class Report {
  public:
    Report(const MonthAssessment& assessment, HtmlWriter& page)
        : assessment_(assessment), page_(page), calls_(assessment.organisations), names_(assessment.ledgers),
          undecided_(undecided_status(assessment.scope)) {}

    void write() {
        page_.literal("<!DOCTYPE html>\n");
        // translators: the language of the translation by BCP 47
        const auto html = page_.element("html", {{"lang", _("en")}});
        write_head();
        const auto body = page_.element("body");
        page_.literal(embedded::bar_patterns);
        write_title();
        const auto main = page_.element("main");
        write_headline();
        write_criteria();
        write_units();
        write_tasks();
        write_cards();
        write_conflicts();
        write_explanations();
        write_sources();
        page_.text_element("footer",
                           say(N_("Made by ukeyctl {version} from the ledger; the same ledger and rule "
                                  "give the same file."),
                               {{"version", UKEY_VERSION}}));
    }

  private:
    void write_head() {
        const auto head = page_.element("head");
        page_.empty_element("meta", {{"charset", "utf-8"}});
        page_.empty_element("meta",
                            {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
        page_.text_element("title", title_of(assessment_));
        const auto style = page_.element("style");
        page_.literal(embedded::assessment_css);
    }

    void write_title() {
        const auto header = page_.element("header");
        page_.text_element("h1", title_of(assessment_));
        page_.text_element(
            "p",
            say(N_("{begin} to {end} (China time) · rule {rule}"),
                {{"begin", format_china_time(assessment_.month.begin()).substr(0, 10)},
                 {"end", format_china_time(assessment_.month.end() - Timestamp::duration(1)).substr(0, 10)},
                 {"rule", assessment_.rule.name}}),
            {{"class", "subtitle"}});
        page_.text_element("p", basis_of(assessment_.scope), {{"class", "basis"}, {"role", "note"}});
        if (const std::string note = unfinished_note(assessment_); !note.empty()) {
            page_.text_element("p", note, {{"class", "basis"}, {"role", "note"}});
        }
        if (!assessment_.all_organisations) {
            page_.text_element("p", _("Only the organisations of your own keys and logins are listed."),
                               {{"class", "basis"}, {"role", "note"}});
        }
    }

    void write_tile(std::string_view style, std::string_view mark, std::uint64_t figure,
                    const std::string& label) {
        const auto tile = page_.element("li", {{"class", "tile " + std::string(style)}});
        {
            const auto line = page_.element("span", {{"class", "figure"}});
            page_.text_element("span", mark, {{"class", "mark"}, {"aria-hidden", "true"}});
            page_.text(std::to_string(figure));
        }
        page_.text_element("span", label, {{"class", "label"}});
    }

    void write_status_tile(LoginStatus status, std::uint64_t figure) {
        write_tile(style_class(status), status_mark(status), figure, status_word(status));
    }

    void write_headline() {
        const Parts login = parts_of(assessment_.total.login);
        page_.text_element("h2", _("Logins of the month"));
        const auto list = page_.element("ul", {{"class", "tiles"}});
        write_status_tile(LoginStatus::met, login.met);
        write_status_tile(undecided_, login.undecided);
        if (assessment_.scope == AssessmentScope::district) {
            write_status_tile(LoginStatus::not_met, login.not_met);
        }
        write_status_tile(LoginStatus::not_required,
                          assessment_.total.organisations - assessment_.total.login.required);
        write_tile("all", "Σ", assessment_.total.organisations, _("organisations"));
    }

    std::string bar_label(const Parts& parts) const {
        return say(N_("{met} met, {undecided} {word}, {not_met} not met"),
                   {{"met", std::to_string(parts.met)},
                    {"undecided", std::to_string(parts.undecided)},
                    {"word", status_word(undecided_)},
                    {"not_met", std::to_string(parts.not_met)}});
    }

    void write_headings(std::initializer_list<std::string> headings) {
        const auto head = page_.element("thead");
        const auto line = page_.element("tr");
        for (const std::string& heading : headings) {
            page_.text_element("th", heading, {{"scope", "col"}});
        }
    }

    void write_number(const std::string& text) { page_.text_element("td", text, {{"class", "number"}}); }

    void write_rate(const std::string& name, const Rate& rate) {
        const auto line = page_.element("tr");
        const Parts parts = parts_of(rate);
        page_.text_element("th", name, {{"scope", "row"}});
        {
            const auto cell = page_.element("td", {{"class", "chart"}});
            write_bar(page_, parts, bar_label(parts));
        }
        for (const std::uint64_t figure : {rate.required, parts.met, parts.undecided, parts.not_met}) {
            write_number(std::to_string(figure));
        }
        write_number(percent_range(rate));
    }

    void write_legend_entry(const Parts& sample, LoginStatus status) {
        const auto entry = page_.element("li");
        write_bar(page_, sample, status_word(status));
        page_.text(std::string(status_mark(status)) + " " + status_word(status));
    }

    void write_legend() {
        const auto list = page_.element("ul", {{"class", "legend"}});
        write_legend_entry({.met = 1, .undecided = 0, .not_met = 0}, LoginStatus::met);
        write_legend_entry({.met = 0, .undecided = 1, .not_met = 0}, undecided_);
        write_legend_entry({.met = 0, .undecided = 0, .not_met = 1}, LoginStatus::not_met);
    }

    void write_criteria_headings() {
        const auto head = page_.element("thead");
        const auto line = page_.element("tr");
        page_.text_element("th", _("Criterion"), {{"scope", "col"}});
        page_.text_element("th", "", {{"class", "chart"}});
        for (const std::string& text : {_("asked of"), status_word(LoginStatus::met), status_word(undecided_),
                                        status_word(LoginStatus::not_met), std::string("%")}) {
            page_.text_element("th", text, {{"scope", "col"}, {"class", "number"}});
        }
    }

    void write_criteria() {
        page_.text_element("h2", _("The three criteria"));
        write_legend();
        const auto frame = page_.element("div", {{"class", "wide"}});
        const auto table = page_.element("table", {{"class", "units"}});
        page_.text_element("caption", _("All organisations together"));
        write_criteria_headings();
        const auto body = page_.element("tbody");
        write_rate(_("Coverage by a U-Key or mobile terminal"), assessment_.total.coverage);
        write_rate(_("… of general branches and above"), assessment_.total.senior_coverage);
        write_rate(_("Administrators with a valid mobile number"), assessment_.total.administrators);
        write_rate(_("Logins of the month"), assessment_.total.login);
    }

    void write_unit(const UnitAssessment& unit, const std::string& title, std::string_view style) {
        const auto line = page_.element("tr", {{"class", style}});
        const Parts login = parts_of(unit.login);
        page_.text_element("th", title, {{"scope", "row"}});
        write_number(std::to_string(unit.organisations));
        {
            const auto cell = page_.element("td", {{"class", "chart"}});
            write_bar(page_, login, title + ": " + bar_label(login));
        }
        for (const std::uint64_t figure : {login.met, login.undecided, login.not_met}) {
            write_number(std::to_string(figure));
        }
        write_number(percent_range(unit.login));
        write_number(points_range(unit.coverage_deduction_min, unit.coverage_deduction_max));
        write_number(points_range(unit.administrators.deduction_min, unit.administrators.deduction_max));
        write_number(points_range(unit.login.deduction_min, unit.login.deduction_max));
        write_number(points_range(unit.deduction_min, unit.deduction_max));
        if (unit.score_min && unit.score_max) {
            write_number(points_range(*unit.score_min, *unit.score_max));
        } else {
            write_number("–");
        }
    }

    void write_unit_headings() {
        const auto head = page_.element("thead");
        {
            const auto line = page_.element("tr");
            page_.text_element("th", _("Assessed unit"), {{"scope", "col"}, {"rowspan", "2"}});
            page_.text_element("th", _("Organisations"),
                               {{"scope", "col"}, {"rowspan", "2"}, {"class", "number"}});
            page_.text_element("th", _("Logins of the month"),
                               {{"scope", "colgroup"}, {"colspan", "5"}, {"class", "group"}});
            page_.text_element("th", _("Deductions"),
                               {{"scope", "colgroup"}, {"colspan", "4"}, {"class", "group"}});
            page_.text_element("th", _("Score"), {{"scope", "col"}, {"rowspan", "2"}, {"class", "number"}});
        }
        const auto line = page_.element("tr");
        page_.text_element("th", "", {{"class", "chart"}});
        for (const std::string& text :
             {status_word(LoginStatus::met), status_word(undecided_), status_word(LoginStatus::not_met),
              std::string("%"), _("Coverage"), _("Administrators"), _("Logins of the month"), _("Sum")}) {
            page_.text_element("th", text, {{"scope", "col"}, {"class", "number"}});
        }
    }

    void write_units() {
        page_.text_element("h2", _("Assessed units"));
        write_legend();
        const auto frame = page_.element("div", {{"class", "wide"}});
        const auto table = page_.element("table", {{"class", "units"}});
        page_.text_element("caption",
                           _("The bar shows the logins. Points are deductions; two numbers are the least "
                             "and the most where something is undecided."));
        write_unit_headings();
        const auto body = page_.element("tbody");
        for (const UnitAssessment& unit : assessment_.units) {
            write_unit(unit, unit_title(unit), "");
        }
        write_unit(assessment_.total, _("All together"), "total");
    }

    void write_task(const OrganisationAssessment& row, const std::vector<std::string>& missing) {
        const auto line = page_.element("tr");
        {
            const auto cell = page_.element("th", {{"scope", "row"}});
            page_.text(row.organisation.name());
            page_.text_element("div", row.organisation.code + " · " + join_path(row.organisation.path),
                               {{"class", "faint small"}});
        }
        page_.text_element("td", fmt::format("{}", fmt::join(missing, _(", "))));
        const Contact contact = calls_.contact_of(row);
        {
            const auto cell = page_.element("td");
            page_.text(name_or_reason(contact));
            if (!contact.of.empty()) {
                page_.text_element("div", say(N_("of {organisation}"), {{"organisation", contact.of}}),
                                   {{"class", "faint small"}});
            }
        }
        page_.text_element("td", contact.mobile, {{"class", "phone"}});
    }

    void write_left_out(std::size_t count) {
        if (count > 0) {
            page_.text_element(
                "p",
                say(N_("{count} more are left out here; the spreadsheet (--format xlsx) has all."),
                    {{"count", std::to_string(count)}}),
                {{"class", "basis"}});
        }
    }

    void write_tasks() {
        page_.text_element("h2", _("What is missing, and whom to call"));
        std::size_t count = 0;
        {
            const auto table = page_.element("table", {{"class", "tasks"}});
            write_headings({_("Organisation"), _("Missing"), _("Administrator"), _("Telephone")});
            const auto body = page_.element("tbody");
            for (const OrganisationAssessment& row : assessment_.organisations) {
                const auto missing = missing_of(row);
                if (!missing.empty() && count++ < html_tasks_max) {
                    write_task(row, missing);
                }
            }
        }
        if (count == 0) {
            page_.text_element("p", _("Nothing is missing."));
        }
        write_left_out(count > html_tasks_max ? count - html_tasks_max : 0);
    }

    void write_cards() {
        const bool all = assessment_.organisations.size() <= html_all_cards_max;
        page_.text_element("h2", all ? _("The month of every organisation")
                                     : _("The month of the organisations that have not met the criterion"));
        std::size_t count = 0;
        {
            const auto cards = page_.element("div", {{"class", "cards"}});
            for (const OrganisationAssessment& row : assessment_.organisations) {
                const bool wanted =
                    all || (row.login != LoginStatus::met && row.login != LoginStatus::not_required);
                if (wanted && count++ < html_cards_max) {
                    write_card(page_, row, assessment_, calls_, names_);
                }
            }
        }
        if (count == 0) {
            page_.text_element("p", _("There is none."));
        }
        write_left_out(count > html_cards_max ? count - html_cards_max : 0);
    }

    void write_conflicts() {
        if (assessment_.conflicts.empty()) {
            return;
        }
        page_.text_element("h2", _("What does not fit together"));
        const auto list = page_.element("ul");
        for (const Conflict& conflict : assessment_.conflicts) {
            page_.text_element("li", describe(conflict, names_));
        }
    }

    void write_term(const std::string& name, const std::string& text, std::string_view style = "") {
        page_.text_element("dt", name);
        page_.text_element("dd", text, {{"class", style}});
    }

    void write_explanations() {
        page_.text_element("h2", _("What the words mean"));
        const auto list = page_.element("dl", {{"class", "columns"}});
        write_term("✔ " + status_word(LoginStatus::met),
                   _("The logins that the rule asks for were seen, and are proved by the ledger."));
        if (assessment_.scope == AssessmentScope::workstation) {
            write_term("? " + status_word(LoginStatus::not_seen_here),
                       _("This computer saw too few logins. The organisation may use another computer."));
        } else {
            write_term(
                "? " + status_word(LoginStatus::cannot_tell),
                _("Too few logins were seen, but some could have happened unseen: it says when and why."));
            write_term("✘ " + status_word(LoginStatus::not_met),
                       _("The records are complete, and there were too few logins."));
        }
        write_term("– " + status_word(LoginStatus::not_required),
                   _("The rule does not ask it of this organisation in this month."));
        write_term(_("a login"), _("One login with the U-Key in which its key was used at least once."));
    }

    void write_ledgers() {
        for (const LedgerExtent& ledger : assessment_.ledgers) {
            const std::string name = ledger.workstation.empty() ? _("this computer")
                                     : ledger.name.empty()      ? shortened(ledger.workstation)
                                                                : ledger.name;
            write_term(say(N_("Ledger of {name}"), {{"name", name}}),
                       say(N_("records {first} to {last}, until {until}, head {head}"),
                           {{"first", std::to_string(ledger.first_seq)},
                            {"last", std::to_string(ledger.last_seq)},
                            {"until", format_china_time(ledger.vouched_until)},
                            {"head", ledger.head}}) +
                           (ledger.complete_month ? "" : " · " + _("not the whole month")),
                       "hash");
        }
    }

    void write_sources() {
        page_.text_element("h2", _("What it was made from"));
        const auto list = page_.element("dl", {{"class", "columns small"}});
        write_term(_("Rule"), assessment_.rule.name);
        for (const std::string& line : rule_lines(assessment_.rule)) {
            write_term("", line);
        }
        write_term(_("Rule's SHA-256"), assessment_.rule.sha256, "hash");
        write_term(_("Registry's SHA-256"), assessment_.registry_sha256, "hash");
        write_ledgers();
    }

    const MonthAssessment& assessment_;
    HtmlWriter& page_;
    CallList calls_;
    WorkstationNames names_;
    LoginStatus undecided_;
};

} // namespace

void write_assessment_html(const MonthAssessment& assessment, OutputFile& output) {
    HtmlWriter page(output);
    Report(assessment, page).write();
}

} // namespace ukey::ctl
