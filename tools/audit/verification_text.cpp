// SPDX-License-Identifier: Apache-2.0
// What came of a verification, for programs and for people.
#include "daemon/core/ledger.hpp"
#include "daemon/core/text.hpp"
#include "tools/audit/bundle_problem.hpp"
#include "tools/audit/verification.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::string_view to_string(const std::optional<WorkstationTrust>& trust) {
    if (!trust) {
        return "not_checked";
    }
    switch (*trust) {
    case WorkstationTrust::trusted:
        return "trusted";
    case WorkstationTrust::revoked:
        return "revoked";
    case WorkstationTrust::unknown:
        return "unknown";
    }
    return "unknown";
}

boost::json::object to_json(const VerifiedFile& file) {
    const CheckedBundle& bundle = file.bundle;
    boost::json::object object{{"file", file.file},
                               {"holds", file.holds()},
                               {"workstation", bundle.workstation},
                               {"workstation_name", bundle.header.workstation_name},
                               {"trust", to_string(file.trust)},
                               {"trusted_as", file.name},
                               {"trusted_through", nullptr},
                               {"first_seq", bundle.header.first_seq},
                               {"last_seq", bundle.last_seq},
                               {"records", bundle.records()},
                               {"checkpoints", bundle.checkpoints.size()},
                               {"attested", bundle.attested},
                               {"attested_removed", bundle.attested_removed},
                               {"personal_removed", bundle.personal_removed},
                               {"written_at", format_timestamp(bundle.header.written)},
                               {"first_time", nullptr},
                               {"last_time", nullptr}};
    object["identities"] = boost::json::array(bundle.identities.begin(), bundle.identities.end());
    if (!file.trusted_through.empty()) {
        object["trusted_through"] = file.trusted_through;
    }
    if (bundle.records() > 0) {
        object["first_time"] = format_timestamp(bundle.first_time);
        object["last_time"] = format_timestamp(bundle.last_time);
    }
    object["problems"] = problems_json(bundle.problems);
    object["problems_left_out"] = bundle.problems_left_out;
    return object;
}

/// What a file says of itself, or is called, is anyone's to choose: no line and no escape sequence of it may
/// pass for ours.
std::string shown(const std::string& text) {
    return to_printable_utf8(text);
}

/// The list has an older key, which vouches for the one that signed.
std::string through_line(const VerifiedFile& file) {
    return file.trusted_through.empty()
               ? std::string()
               : detail_line(_("By its old key"), say(N_("{fingerprint}: add the new one to the list"),
                                                      {{"fingerprint", file.trusted_through}}));
}

std::string trust_line(const VerifiedFile& file, const Style& style) {
    if (!file.trust) {
        return "  " + style.paint(Paint::warning, "!") + " " +
               _("Whose it is was not checked: compare the fingerprint, or name a list of workstations "
                 "(--trust).") +
               "\n";
    }
    switch (*file.trust) {
    case WorkstationTrust::trusted:
        return detail_line(_("Trusted as"), shown(file.name)) + through_line(file);
    case WorkstationTrust::revoked:
        return problem_line({"bundle.workstation_revoked", std::nullopt, {}}, {{"name", shown(file.name)}},
                            style);
    case WorkstationTrust::unknown:
        return problem_line({"bundle.workstation_unknown", std::nullopt, {}}, {}, style);
    }
    return {};
}

/// What cannot be said any more, and is no fault of the bundle.
std::string removed_lines(const CheckedBundle& bundle) {
    std::string text;
    if (bundle.personal_removed > 0) {
        text += detail_line(_("Personal data"), say(N_("removed from {count} records"),
                                                    {{"count", std::to_string(bundle.personal_removed)}}));
    }
    if (bundle.attested_removed > 0) {
        text += detail_line(_("Not checkable"),
                            say(N_("{count} attested logins: their signatures were removed with it"),
                                {{"count", std::to_string(bundle.attested_removed)}}));
    }
    return text;
}

std::string render(const VerifiedFile& file, const Style& style) {
    const CheckedBundle& bundle = file.bundle;
    std::string text = style.paint(file.holds() ? Paint::good : Paint::bad, file.holds() ? "✔" : "✘") + " " +
                       style.paint(Paint::strong, shown(file.file)) + "\n";
    if (!bundle.workstation.empty()) {
        text += detail_line(_("Workstation"), shown(bundle.header.workstation_name));
        text += detail_line(_("Fingerprint"), bundle.workstation);
        text += trust_line(file, style);
        text += detail_line(_("Records"),
                            say(N_("{first} to {last}"), {{"first", std::to_string(bundle.header.first_seq)},
                                                          {"last", std::to_string(bundle.last_seq)}}));
    }
    if (bundle.records() > 0) {
        text += detail_line(_("Time"), china_time(format_timestamp(bundle.first_time)) + " – " +
                                           china_time(format_timestamp(bundle.last_time)));
        text += detail_line(_("Attested"), std::to_string(bundle.attested));
        text += removed_lines(bundle);
    }
    for (const BundleProblem& problem : bundle.problems) {
        text += problem_line(problem, {}, style);
    }
    if (bundle.problems_left_out > 0) {
        text += "  " +
                say(N_("and {count} more of these kinds"),
                    {{"count", std::to_string(bundle.problems_left_out)}}) +
                "\n";
    }
    return text;
}

} // namespace

boost::json::object to_json(const Verification& verification) {
    boost::json::array files;
    for (const VerifiedFile& file : verification.files) {
        files.push_back(to_json(file));
    }
    boost::json::array contradictions;
    for (const auto& [earlier, later, problem] : verification.contradictions) {
        boost::json::object object = problem_json(problem);
        object["earlier"] = earlier;
        object["later"] = later;
        contradictions.push_back(std::move(object));
    }
    boost::json::object object{{"holds", verification.holds()}};
    object["bundles"] = std::move(files);
    object["contradictions"] = std::move(contradictions);
    return object;
}

std::string render(const Verification& verification, const Style& style) {
    std::string text;
    for (const VerifiedFile& file : verification.files) {
        text += render(file, style);
    }
    for (const auto& [earlier, later, problem] : verification.contradictions) {
        text += problem_line(problem, {{"earlier", shown(earlier)}, {"later", shown(later)}}, style);
    }
    return text;
}

} // namespace ukey::ctl
