// SPDX-License-Identifier: Apache-2.0
#include "tools/report/month_text.hpp"

#include <map>
#include <vector>

#include <fmt/format.h>

#include "daemon/core/csv.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

using Rows = std::vector<const boost::json::object*>;

std::map<std::string, Rows> rows_by_unit(const boost::json::object& report) {
    std::map<std::string, Rows> grouped;
    for (const boost::json::value& value : list_of(report, "rows")) {
        grouped[text_of(as_object(value), "assessed_unit")].push_back(&as_object(value));
    }
    return grouped;
}

std::string figure(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    if (value == nullptr) {
        return "?";
    }
    return value->is_double() ? fmt::format("{:.2f}", value->get_double()) : scalar_text(*value);
}

/// "重庆…：12 of 20 met, 60.00 %"
std::string unit_line(const std::string& code, const boost::json::object& unit) {
    const std::string name = text_of(unit, "name");
    std::string title = code.empty()   ? _("Without an assessed unit")
                        : name.empty() ? code
                                       : code + " " + name;
    if (unit.empty()) {
        return title;
    }
    return say(N_("{unit}: {met} of {organisations} met, {percent} %"),
               {{"unit", title},
                {"met", figure(unit, "met")},
                {"organisations", figure(unit, "organisations")},
                {"percent", figure(unit, "percent")}});
}

std::string sessions_text(const boost::json::object& row) {
    return figure(row, "counted_sessions") + "/" + figure(row, "required");
}

std::string render_rows(const Rows& rows, const Style& style) {
    Table table({"", _("State"), _("Logins"), _("Last login"), _("Answered by"), _("Code"), _("Organisation"),
                 _("Reason")});
    for (const boost::json::object* row : rows) {
        const boost::json::object& organisation = object_of(*row, "organisation");
        const std::string status = text_of(*row, "status");
        table.add({mark(status),
                   {word(status)},
                   {sessions_text(*row)},
                   {china_time(text_of(*row, "last_login"))},
                   {text_of(*row, "via")},
                   {text_of(organisation, "code")},
                   {organisation_path(organisation)},
                   {word(text_of(*row, "reason"))}});
    }
    return table.text(style, 2);
}

/// The rule may be a text, or an object that has one.
std::string rule_text(const boost::json::object& report) {
    const boost::json::object& rule = object_of(report, "rule");
    if (rule.empty()) {
        return text_of(report, "rule");
    }
    const std::string text = text_of(rule, "text");
    const std::string name = text.empty() ? text_of(rule, "name") : text;
    return name.empty() ? boost::json::serialize(rule) : translate(name);
}

std::string basis_text() {
    return _("Basis: what this computer saw, not the platform's own record. “Not seen here” does not mean "
             "that the "
             "organisation did not log in.");
}

} // namespace

std::string render_month_table(const boost::json::object& report, const Style& style) {
    std::string lines = style.paint(Paint::strong, say(N_("Login criterion, {month}"),
                                                       {{"month", text_of(report, "month")}})) +
                        "\n";
    lines += basis_text() + "\n";
    lines += say(N_("Rule: {rule}"), {{"rule", rule_text(report)}}) + "\n";
    std::map<std::string, boost::json::object> units;
    for (const boost::json::value& unit : list_of(report, "units")) {
        units[text_of(as_object(unit), "code")] = as_object(unit);
    }
    for (const auto& [code, rows] : rows_by_unit(report)) {
        lines +=
            "\n" + style.paint(Paint::strong, unit_line(code, units[code])) + "\n" + render_rows(rows, style);
    }
    const boost::json::object& totals = object_of(report, "totals");
    if (!totals.empty()) {
        lines += "\n" +
                 say(N_("All together: {met} of {organisations} met, {percent} %"),
                     {{"met", figure(totals, "met")},
                      {"organisations", figure(totals, "organisations")},
                      {"percent", figure(totals, "percent")}}) +
                 "\n";
    }
    return lines;
}

std::string render_month_csv(const boost::json::object& report) {
    std::string text(utf8_byte_order_mark);
    text += csv_line({_("Month"), _("Unit"), _("Code"), _("Affiliation"), _("Organisation"), _("State"),
                      _("Counted logins"), _("Required"), _("Answered by"), _("Last login"), _("Reason"),
                      _("Basis")});
    for (const boost::json::value& value : list_of(report, "rows")) {
        const boost::json::object& row = as_object(value);
        const boost::json::object& organisation = object_of(row, "organisation");
        text +=
            csv_line({text_of(report, "month"), text_of(row, "assessed_unit"), text_of(organisation, "code"),
                      organisation_path(organisation), text_of(organisation, "name"),
                      word(text_of(row, "status")), figure(row, "counted_sessions"), figure(row, "required"),
                      text_of(row, "via"), china_time(text_of(row, "last_login")),
                      word(text_of(row, "reason")), _("seen by this computer, not the platform's record")});
    }
    return text;
}

} // namespace ukey::ctl
