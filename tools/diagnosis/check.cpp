// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/check.hpp"

#include <algorithm>

#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

/// The text with its places filled, everything passed through `translated` first.
std::string fill(const Text& text, const Translator& translated) {
    Places places = text.places;
    std::string items;
    for (const std::string_view item : text.items) {
        items += (items.empty() ? "" : ", ") + translated(item);
    }
    places.emplace("items", items);
    return fill_places(translated(text.text), places);
}

} // namespace

std::string_view to_string(CheckState state) {
    switch (state) {
    case CheckState::ok:
        return "ok";
    case CheckState::warning:
        return "warning";
    case CheckState::failed:
        return "failed";
    case CheckState::unknown:
        return "unknown";
    case CheckState::skipped:
        return "skipped";
    }
    return "unknown";
}

Check layer(std::string_view name, std::string_view title) {
    return {.name = name, .title = title, .state = CheckState::unknown, .found = {}, .finding = {}};
}

void Check::set(CheckState new_state, std::string_view text, Places places) {
    state = new_state;
    found = {text, std::move(places)};
}

void Check::fail(boost::json::object with_finding) {
    state = CheckState::failed;
    finding = std::move(with_finding);
}

void Check::warn(boost::json::object with_finding) {
    state = CheckState::warning;
    finding = std::move(with_finding);
}

bool Check::fails_by(boost::json::object with_finding) {
    if (!with_finding.empty()) {
        fail(std::move(with_finding));
    }
    return state == CheckState::failed;
}

boost::json::object to_json(const Check& check) {
    boost::json::object json{
        {"check", check.name},
        {"state", to_string(check.state)},
        {"found", fill(check.found, [](std::string_view text) { return std::string(text); })},
        {"looked_at", check.looked_at},
        {"took_us", check.took.count()}};
    if (check.finding.empty()) {
        json["finding"] = nullptr;
    } else {
        json["finding"] = check.finding;
    }
    return json;
}

std::string found_text(const Check& check) {
    return check.finding.empty() ? fill(check.found, translate) : explain(check.finding).message;
}

std::string code_of(const Check& check) {
    return raw_text(check.finding, "code");
}

std::string render_checks(const std::vector<Check>& checks, const Style& style) {
    Table table({"", _("Layer"), _("State"), _("Found")});
    for (const Check& check : checks) {
        table.add({mark(to_string(check.state)),
                   {translate(check.title)},
                   {word(to_string(check.state))},
                   {found_text(check)}});
    }
    return table.text(style);
}

const Check* first_failed(const std::vector<Check>& checks) {
    const auto failed = std::ranges::find(checks, CheckState::failed, &Check::state);
    return failed != checks.end() ? &*failed : nullptr;
}

} // namespace ukey::ctl
