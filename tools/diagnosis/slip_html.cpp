// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "embedded/slip_css.hpp"
#include "tools/diagnosis/diagnosis_text.hpp"
#include "tools/diagnosis/slip.hpp"
#include "tools/locale.hpp"
#include "tools/report/html_writer.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::string_view box_class(Verdict verdict) {
    switch (verdict) {
    case Verdict::key_in_order:
        return "verdict good";
    case Verdict::return_key:
        return "verdict bad";
    default:
        return "verdict undecided";
    }
}

void write_head(HtmlWriter& page, const Slip& slip) {
    const auto head = page.element("head");
    page.empty_element("meta", {{"charset", "utf-8"}});
    page.empty_element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    page.text_element("title", slip.title);
    const auto style = page.element("style");
    page.literal(embedded::slip_css);
}

void write_section(HtmlWriter& page, const SlipSection& section) {
    const auto part = page.element("section");
    page.text_element("h2", section.title);
    const auto table = page.element("table", {{"class", "lines"}});
    for (const SlipLine& line : section.lines) {
        const auto row = page.element("tr");
        page.text_element("th", line.label, {{"scope", "row"}});
        page.text_element("td", line.value, {{"class", line.value.empty() ? "blank" : "filled"}});
    }
}

void write_layers(HtmlWriter& page, const Diagnosis& diagnosis) {
    const auto part = page.element("section", {{"class", "layers"}});
    page.text_element("h2", _("What was looked at"));
    const auto table = page.element("table");
    {
        const auto head = page.element("thead");
        const auto row = page.element("tr");
        for (const std::string& heading : {std::string(), std::string(_("Layer")), std::string(_("State")),
                                           std::string(_("Found")), std::string(_("ms"))}) {
            page.text_element("th", heading, {{"scope", "col"}});
        }
    }
    const auto body = page.element("tbody");
    for (const Check& check : diagnosis.layers) {
        const std::string state(to_string(check.state));
        const auto row = page.element("tr", {{"class", state}});
        page.text_element("td", mark(state).text);
        page.text_element("td", translate(check.title));
        page.text_element("td", word(state));
        page.text_element("td", found_text(check));
        page.text_element("td", check.took.count() > 0
                                    ? fmt::format("{:.1f}", static_cast<double>(check.took.count()) / 1000)
                                    : std::string());
    }
}

} // namespace

Outcome<void> write_slip_html(const std::string& path, const Slip& slip, const Diagnosis& diagnosis) {
    auto file = OutputFile::open(path);
    if (!file) {
        return tl::unexpected(file.error());
    }
    {
        HtmlWriter page(*file);
        page.literal("<!DOCTYPE html>\n");
        const auto html = page.element("html", {{"lang", _("en")}});
        write_head(page, slip);
        const auto body = page.element("body");
        page.text_element("h1", slip.title);
        page.text_element("p", title_of(diagnosis.target), {{"class", "subtitle"}});
        {
            const auto box = page.element("div", {{"class", box_class(diagnosis.judgement.verdict)}});
            page.text_element("strong", slip.headline);
            for (const std::string& reason : slip.reasons) {
                page.text_element("p", reason);
            }
        }
        for (const SlipSection& section : slip.sections) {
            write_section(page, section);
        }
        write_layers(page, diagnosis);
        page.text_element("footer", _("By which rules a key goes back: docs/diagnosis.md of ukeyctl."));
    }
    return file->commit();
}

} // namespace ukey::ctl
