// SPDX-License-Identifier: Apache-2.0
#include "tools/report/organisation_card.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "tools/locale.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

/// A card stays smaller than half a page.
constexpr std::size_t doubts_shown_max = 3;
constexpr std::size_t logins_shown_max = 4;

constexpr std::chrono::hours day_length{24};
constexpr unsigned days_a_week = 7;

constexpr std::array<std::string_view, days_a_week> weekdays{N_("Mo"), N_("Tu"), N_("We"), N_("Th"),
                                                             N_("Fr"), N_("Sa"), N_("Su")};

unsigned days_in(const ChinaMonth& month) {
    return static_cast<unsigned>((month.end() - month.begin()) / day_length);
}

/// 0: Monday.
unsigned first_weekday(const ChinaMonth& month) {
    const std::chrono::sys_days first = std::chrono::year(month.year) / static_cast<int>(month.month) / 1;
    return std::chrono::weekday(first).iso_encoding() - 1;
}

/// Bit n - 1: something is doubtful on day n.
std::uint32_t doubtful_days(const OrganisationAssessment& row, const ChinaMonth& month) {
    std::uint32_t days = 0;
    for (const Doubt& doubt : row.doubts) {
        for (unsigned day = 0; day < days_in(month); ++day) {
            const Timestamp begin = month.begin() + day * day_length;
            // A doubt of one moment has a day too; one that ends at midnight has none of the next.
            if (doubt.from < begin + day_length &&
                std::max(doubt.to, doubt.from + Timestamp::duration(1)) > begin) {
                days |= std::uint32_t{1} << day;
            }
        }
    }
    return days;
}

/// A day's number; a login has a mark besides, and so has a doubt, for those who see no colours.
void write_day(HtmlWriter& page, unsigned day, bool login, bool doubt) {
    const std::string number = std::to_string(day);
    if (login) {
        page.text_element("td", number + "✔", {{"class", "login"}});
    } else if (doubt) {
        page.text_element("td", number + "?", {{"class", "doubt"}});
    } else {
        page.text_element("td", number);
    }
}

void write_weeks(HtmlWriter& page, const OrganisationAssessment& row, const ChinaMonth& month) {
    const std::uint32_t doubtful = doubtful_days(row, month);
    const unsigned offset = first_weekday(month);
    const unsigned cells = (offset + days_in(month) + days_a_week - 1) / days_a_week * days_a_week;
    for (unsigned begin = 0; begin < cells; begin += days_a_week) {
        const auto week = page.element("tr");
        for (unsigned cell = begin; cell < begin + days_a_week; ++cell) {
            if (cell < offset || cell >= offset + days_in(month)) {
                page.text_element("td", "", {{"class", "outside"}});
                continue;
            }
            const unsigned bit = cell - offset;
            write_day(page, bit + 1, (row.days >> bit & 1U) != 0, (doubtful >> bit & 1U) != 0);
        }
    }
}

void write_calendar(HtmlWriter& page, const OrganisationAssessment& row, const ChinaMonth& month) {
    const auto table = page.element("table", {{"class", "calendar"}});
    page.text_element("caption", say(N_("{month}: days with logins"), {{"month", month.text()}}));
    {
        const auto head = page.element("thead");
        const auto line = page.element("tr");
        for (const std::string_view weekday : weekdays) {
            page.text_element("th", translate(weekday), {{"scope", "col"}});
        }
    }
    const auto body = page.element("tbody");
    write_weeks(page, row, month);
}

void write_fact(HtmlWriter& page, const std::string& name, const std::string& value) {
    if (!value.empty()) {
        page.text_element("dt", name);
        page.text_element("dd", value);
    }
}

std::string logins_text(const OrganisationAssessment& row) {
    std::string text;
    for (const LoginEvidenceRow& login : row.evidence) {
        if (&login - row.evidence.data() == static_cast<std::ptrdiff_t>(logins_shown_max)) {
            break;
        }
        // Day and minute: the month stands above.
        text += (text.empty() ? "" : "; ") + format_china_time(login.started).substr(5, 11) + " (" +
                word(to_string(login.grade)) + ")";
    }
    if (row.counted_sessions > logins_shown_max && !text.empty()) {
        text += "; …";
    }
    return text;
}

void write_facts(HtmlWriter& page, const OrganisationAssessment& row, const MonthAssessment& assessment,
                 const CallList& calls) {
    const auto list = page.element("dl", {{"class", "facts"}});
    write_fact(page, _("Logins that count"),
               say(N_("{counted} of {required}"),
                   {{"counted", std::to_string(row.counted_sessions)},
                    {"required", std::to_string(assessment.rule.login.sessions_required)}}));
    write_fact(page, _("Times"), logins_text(row));
    write_fact(page, _("Answered for by"), row.via);
    write_fact(page, _("Works with"), covered_word(row.covered));
    if (row.platform_logins) {
        write_fact(page, _("Platform's own record (not added)"), std::to_string(*row.platform_logins));
    }
    const Contact contact = calls.contact_of(row);
    write_fact(page, contact.of.empty() ? _("Administrator") : _("Administrator of the organisation above"),
               name_or_reason(contact) + " " + contact.mobile);
}

void write_doubts(HtmlWriter& page, const std::vector<Doubt>& doubts, const WorkstationNames& names) {
    if (doubts.empty()) {
        return;
    }
    const auto list = page.element("ul");
    for (std::size_t i = 0; i < std::min(doubts.size(), doubts_shown_max); ++i) {
        page.text_element("li", describe(doubts[i], names));
    }
    if (doubts.size() > doubts_shown_max) {
        page.text_element(
            "li", say(N_("and {count} more"), {{"count", std::to_string(doubts.size() - doubts_shown_max)}}));
    }
}

void write_title(HtmlWriter& page, const OrganisationAssessment& row) {
    {
        const auto header = page.element("header");
        page.text_element("h3", row.organisation.name());
        page.text_element("span", std::string(status_mark(row.login)) + " " + status_word(row.login),
                          {{"class", "badge " + std::string(style_class(row.login))}});
    }
    page.text_element("p", row.organisation.code + " · " + join_path(row.organisation.path),
                      {{"class", "path"}});
}

} // namespace

std::string_view style_class(LoginStatus status) {
    switch (status) {
    case LoginStatus::met:
        return "met";
    case LoginStatus::not_met:
        return "not-met";
    case LoginStatus::not_seen_here:
    case LoginStatus::cannot_tell:
        return "undecided";
    case LoginStatus::not_required:
        return "not-required";
    }
    return {};
}

void write_card(HtmlWriter& page, const OrganisationAssessment& row, const MonthAssessment& assessment,
                const CallList& calls, const WorkstationNames& names) {
    const auto card = page.element("article", {{"class", "card " + std::string(style_class(row.login))}});
    write_title(page, row);
    {
        const auto halves = page.element("div", {{"class", "halves"}});
        write_calendar(page, row, assessment.month);
        write_facts(page, row, assessment, calls);
    }
    page.text_element("p", explain_reason(row.reason), {{"class", "why"}});
    if (const auto missing = missing_of(row); !missing.empty()) {
        page.text_element(
            "p", say(N_("Missing: {list}."), {{"list", fmt::format("{}", fmt::join(missing, _(", ")))}}),
            {{"class", "why"}});
    }
    write_doubts(page, row.doubts, names);
}

} // namespace ukey::ctl
