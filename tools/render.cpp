// SPDX-License-Identifier: Apache-2.0
#include "tools/render.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/core/clock.hpp"
#include "daemon/core/organisation.hpp"
#include "daemon/core/text.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::string quoted_side(const std::string& side) {
    return side.empty() ? _("nothing") : quote_with_code_points(side);
}

/// Where two names differ, in the reader's language (core's describe() is for logs, in English).
std::string differing_places(const std::string& certificate_name, const std::string& organisation_name) {
    std::string all;
    for (const NameDifference& difference : name_differences(certificate_name, organisation_name)) {
        const std::string one =
            say(N_("at character {position} the certificate has {left}, the full name {right}"),
                {{"position", std::to_string(difference.position + 1)},
                 {"left", quoted_side(difference.left)},
                 {"right", quoted_side(difference.right)}});
        all += all.empty() ? one : "; " + one;
    }
    return all;
}

/// The arguments as a person reads them: China time, translated reasons, differences in the reader's
/// language.
Places readable(Places places) {
    for (auto& [name, value] : places) {
        if (parse_timestamp(value)) {
            value = china_time(value);
        } else if (name == "reason") {
            value = translate(value);
        }
    }
    const auto certificate_name = places.find("certificate_name");
    const auto organisation_name = places.find("organisation_name");
    if (places.contains("differences") && certificate_name != places.end() &&
        organisation_name != places.end()) {
        const std::string differences = differing_places(certificate_name->second, organisation_name->second);
        if (!differences.empty()) {
            places["differences"] = differences;
        }
    }
    return places;
}

int rank(const boost::json::object& finding) {
    const std::string severity = raw_text(finding, "severity");
    return severity == "error" ? 0 : severity == "warning" ? 1 : 2;
}

bool is_error(const boost::json::value& finding) {
    return raw_text(as_object(finding), "severity") == "error";
}

} // namespace

Explained explain(std::string_view code, const Places& places, const Explained& english) {
    const MessageEntry* entry = find_message(code);
    if (entry == nullptr) {
        return {english.message.empty() ? std::string(code) : english.message, english.remedy};
    }
    const Places filled = readable(places);
    return {say(entry->message, filled), say(entry->remedy, filled)};
}

Explained explain(const boost::json::object& finding) {
    Places places = places_of(object_of(finding, "arguments"));
    places.emplace("subject", text_of(finding, "subject"));
    return explain(raw_text(finding, "code"), places,
                   {text_of(finding, "message"), text_of(finding, "remedy")});
}

Explained explain(const Failure& failure) {
    return explain(failure.code, failure.places, {to_printable_utf8(failure.message), {}});
}

Explained explain(const Finding& finding) {
    Places places = finding.arguments;
    places.emplace("subject", finding.subject);
    return explain(finding.code, places, {});
}

std::string render_finding(const boost::json::object& finding, const Style& style, std::size_t indent) {
    const Explained texts = explain(finding);
    const Cell sign = mark(raw_text(finding, "severity"));
    const std::string margin(indent, ' ');
    std::string lines =
        fmt::format("{}{} {}  {}\n", margin, style.paint(sign.paint, sign.text), texts.message,
                    style.paint(Paint::faint, "[" + text_of(finding, "code") + "]"));
    if (!texts.remedy.empty()) {
        lines += fmt::format("{}  → {}\n", margin, texts.remedy);
    }
    return lines;
}

std::string render_findings(const boost::json::array& findings, const Style& style, std::size_t indent) {
    std::vector<const boost::json::object*> sorted;
    for (const boost::json::value& finding : findings) {
        sorted.push_back(&as_object(finding));
    }
    std::ranges::stable_sort(sorted, {}, [](const boost::json::object* finding) { return rank(*finding); });
    std::string lines;
    for (const boost::json::object* finding : sorted) {
        lines += render_finding(*finding, style, indent);
    }
    return lines;
}

std::string render_failure(const Failure& failure, const Style& style) {
    const Explained texts = explain(failure);
    std::string lines = fmt::format("ukeyctl: {}\n", style.paint(Paint::bad, texts.message));
    const auto suggestion = failure.places.find("suggestion");
    if (failure.code == "binding.name_mismatch" && suggestion != failure.places.end() &&
        !suggestion->second.empty()) {
        lines += say(N_("  Perhaps this is meant: {suggestion}"), failure.places) + "\n";
    }
    if (!texts.remedy.empty()) {
        lines += fmt::format("  → {}\n", texts.remedy);
    }
    return lines;
}

std::string china_time(std::string_view rfc3339) {
    const auto moment = parse_timestamp(rfc3339);
    return moment ? format_china_time(*moment) : std::string(rfc3339);
}

std::string china_date(std::string_view rfc3339) {
    const auto moment = parse_timestamp(rfc3339);
    return moment ? format_china_time(*moment).substr(0, 10) : std::string(rfc3339);
}

std::string organisation_path(const boost::json::object& organisation) {
    const std::string path = joined_texts(organisation, "path", " - ");
    return path.empty() ? text_of(organisation, "name") : path;
}

bool has_error_finding(const boost::json::value& value) {
    if (value.is_array()) {
        return std::ranges::any_of(value.get_array(), has_error_finding);
    }
    if (!value.is_object()) {
        return false;
    }
    return std::ranges::any_of(value.get_object(), [](const auto& member) {
        if (member.key() == "findings" && member.value().is_array()) {
            return std::ranges::any_of(member.value().get_array(), is_error);
        }
        return has_error_finding(member.value());
    });
}

} // namespace ukey::ctl
