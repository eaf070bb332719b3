// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/diagnosis_text.hpp"

#include <algorithm>
#include <array>

#include "daemon/core/text.hpp"
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

struct VerdictText {
    Verdict verdict;
    Paint paint;
    std::string_view headline;
};
constexpr std::array verdict_texts{
    VerdictText{Verdict::key_in_order, Paint::good,
                N_("The key is in order, as far as can be seen without its PIN.")},
    VerdictText{Verdict::fix_this_computer, Paint::bad,
                N_("This computer is at fault, not the key. Keep the key.")},
    VerdictText{Verdict::user_action, Paint::warning,
                N_("The key is not broken: something has to be done. Keep the key.")},
    VerdictText{Verdict::return_key, Paint::bad, N_("The key itself is at fault: it may be sent back.")},
    VerdictText{Verdict::try_another_computer, Paint::warning,
                N_("Not decided: the key or this computer. Keep the key and try it on another computer.")},
};

const VerdictText& text_of_verdict(Verdict verdict) {
    return *std::ranges::find(verdict_texts, verdict, &VerdictText::verdict);
}

/// The finding that a code stands for: a layer's, the token's, or the code alone.
boost::json::object finding_of(const Diagnosis& diagnosis, const std::string& code) {
    for (const Check& check : diagnosis.layers) {
        if (raw_text(check.finding, "code") == code) {
            return check.finding;
        }
    }
    const boost::json::object found = finding_like(diagnosis.target, code);
    return found.empty() ? boost::json::object{{"code", code}} : found;
}

std::string next_step(const Diagnosis& diagnosis) {
    const Verdict verdict = diagnosis.judgement.verdict;
    if (verdict == Verdict::key_in_order && !diagnosis.was_tested()) {
        return std::string(_("Whether it signs was not tested. If a login still fails: ukeyctl diagnose "
                             "--self-test")) +
               "\n";
    }
    if (verdict == Verdict::try_another_computer) {
        return std::string(_("Take the result with you: ukeyctl diagnose --output diagnosis.json")) + "\n" +
               _("On the other computer, with the same key: ukeyctl diagnose --previous diagnosis.json") +
               "\n";
    }
    return {};
}

} // namespace

std::string title_of(const Target& target) {
    if (target.has_token()) {
        return say(N_("U-Key {key}: {organisation}"),
                   {{"key", target.name}, {"organisation", organisation_line(target.key)}});
    }
    return target.name.empty() ? _("No U-Key is seen")
                               : say(N_("Device at USB port {port}"), {{"port", target.name}});
}

std::string headline_of(const Diagnosis& diagnosis) {
    const bool in_order = diagnosis.judgement.verdict == Verdict::key_in_order;
    return in_order && diagnosis.was_tested()
               ? _("The key is in order: it signs, and what it signs fits its certificate.")
               : translate(text_of_verdict(diagnosis.judgement.verdict).headline);
}

Explained explain_code(const Diagnosis& diagnosis, const std::string& code) {
    Explained explained = explain(finding_of(diagnosis, code));
    if (explained.message.empty()) {
        explained.message = code; // of a newer service
    }
    return explained;
}

std::vector<Explained> reasons_of(const Diagnosis& diagnosis) {
    std::vector<Explained> reasons;
    for (const std::string& code : diagnosis.judgement.because) {
        reasons.push_back(explain_code(diagnosis, code));
    }
    return reasons;
}

std::string paint_headline(const Diagnosis& diagnosis, const Style& style) {
    return style.paint(text_of_verdict(diagnosis.judgement.verdict).paint, headline_of(diagnosis));
}

std::string earlier_of(const Diagnosis& diagnosis, std::span<const Evidence> previous) {
    if (!diagnosis.judgement.with) {
        return {};
    }
    const Evidence& other = previous[*diagnosis.judgement.with];
    const Places places{{"computer", to_printable_utf8(other.computer_name)},
                        {"time", china_time(format_timestamp(other.time))}};
    switch (diagnosis.judgement.decision) {
    case Decision::works_elsewhere:
        return say(N_("It was in order on the computer {computer} at {time}."), places);
    case Decision::same_on_two_computers:
        return say(N_("It was the same on the computer {computer} at {time}."), places);
    case Decision::other_key_works_here:
        return say(N_("Another key was in order at this port at {time}."), places);
    default:
        return {};
    }
}

std::string render(const Diagnosis& diagnosis, std::span<const Evidence> previous, const Style& style) {
    std::string lines = style.paint(Paint::strong, title_of(diagnosis.target)) + "\n" +
                        render_checks(diagnosis.layers, style);
    lines += paint_headline(diagnosis, style) + "\n";
    const std::string earlier = earlier_of(diagnosis, previous);
    lines += earlier.empty() ? "" : earlier + "\n";
    for (const Explained& reason : reasons_of(diagnosis)) {
        lines += "  " + reason.message + "\n";
        lines += reason.remedy.empty() ? "" : "  → " + reason.remedy + "\n";
    }
    return lines + next_step(diagnosis);
}

} // namespace ukey::ctl
