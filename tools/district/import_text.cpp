// SPDX-License-Identifier: Apache-2.0
// What came of an import, for programs and for people.
#include "daemon/core/text.hpp"
#include "tools/audit/bundle_problem.hpp"
#include "tools/district/import.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"

namespace ukey::ctl::district {
namespace {

boost::json::object to_json(const ImportedFile& file) {
    boost::json::object object{{"file", file.file},
                               {"holds", file.holds()},
                               {"known", file.known},
                               {"workstation", file.workstation},
                               {"workstation_name", file.workstation_name},
                               {"first_seq", file.first_seq},
                               {"last_seq", file.last_seq},
                               {"records", file.records},
                               {"added", file.added},
                               {"unreadable", file.unreadable}};
    object["problems"] = problems_json(file.problems);
    return object;
}

/// A file's name and what it says of itself are anyone's to choose.
std::string title(const ImportedFile& file, const Style& style) {
    const std::string name = to_printable_utf8(file.workstation_name);
    return style.paint(file.holds() ? Paint::good : Paint::bad, file.holds() ? "✔" : "✘") + " " +
           style.paint(Paint::strong, to_printable_utf8(file.file)) + (name.empty() ? "" : "  " + name) +
           "\n";
}

std::string outcome(const ImportedFile& file) {
    if (file.known || file.added == 0) {
        return _("Nothing in it is new.");
    }
    return say(N_("{added} of {records} records are new, up to number {last}."),
               {{"added", std::to_string(file.added)},
                {"records", std::to_string(file.records)},
                {"last", std::to_string(file.last_seq)}});
}

std::string render(const ImportedFile& file, const Style& style) {
    std::string text = title(file, style);
    for (const BundleProblem& problem : file.problems) {
        text += problem_line(problem, {{"name", to_printable_utf8(file.workstation_name)}}, style);
    }
    if (!file.holds()) {
        return text + "  " + _("Nothing of it was imported.") + "\n" +
               (file.workstation.empty() ? "" : detail_line(_("Fingerprint"), file.workstation));
    }
    text += "  " + outcome(file) + "\n";
    if (file.unreadable > 0) {
        text += "  " + style.paint(Paint::warning, "!") + " " +
                say(N_("{count} records of newer software could not be understood and were left out."),
                    {{"count", std::to_string(file.unreadable)}}) +
                "\n";
    }
    return text;
}

} // namespace

boost::json::object to_json(const Import& import) {
    boost::json::array files;
    for (const ImportedFile& file : import.files) {
        files.push_back(to_json(file));
    }
    boost::json::object object{{"holds", import.holds()}};
    object["bundles"] = std::move(files);
    object["conflicts_of"] = boost::json::array(import.conflicts_of.begin(), import.conflicts_of.end());
    return object;
}

std::string render(const Import& import, const Style& style) {
    std::string text;
    for (const ImportedFile& file : import.files) {
        text += render(file, style);
    }
    if (!import.conflicts_of.empty()) {
        text += style.paint(Paint::warning, "!") + " " +
                _("There are contradictions: ukeyctl district status shows them.") + "\n";
    }
    return text;
}

} // namespace ukey::ctl::district
