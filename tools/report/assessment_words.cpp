// SPDX-License-Identifier: Apache-2.0
#include "tools/report/assessment_words.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tools/locale.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

struct Explanation {
    std::string_view code;
    std::string_view text;
};

/// Reasons and doubts of docs/formats/assessment.md.
constexpr auto explanations = std::to_array<Explanation>({
    {"own_logins", N_("The organisation's own logins with its U-Key meet the criterion.")},
    {"answered_for",
     N_("The organisation has no U-Key yet; the logins of the organisation above it count in its place.")},
    {"too_few_logins_seen_here",
     N_("This computer saw too few logins of the organisation. It may have logged in on another computer.")},
    {"too_few_logins", N_("The workstations saw the whole month, and too few logins of the organisation.")},
    {"founded_within_month", N_("The organisation was founded in this month and is not assessed yet.")},
    {"kind", N_("The criterion does not ask for organisations of this kind.")},
    {"not_assessed", N_("The organisation needs no U-Key and is under no assessed unit.")},
    {"workstation.missing",
     N_("A workstation sent nothing for this month: logins on it cannot be seen. Ask for its bundle.")},
    {"workstation.incomplete",
     N_("A workstation's records do not cover the whole month. Ask for a newer bundle.")},
    {"coverage.service_away", N_("The U-Key service did not run while someone was using the computer: a "
                                 "login would not have been seen.")},
    {"coverage.filter_version",
     N_("A program had an older filter loaded: some of its logins may not have been seen.")},
    {"coverage.pin_state",
     N_("The key was found unlocked without a login that was seen: it may have been used past the filter.")},
    {"coverage.modules_changed",
     N_("A module was taken out of the service's configuration: keys of that kind were not seen.")},
    {"clock.uncertain", N_("The computer's clock was wrong: the logins may belong to another month.")},
    {"logins.by_mobile_terminal",
     N_("The organisation works by mobile terminal; such logins are seen by no workstation.")},
    {"conflict.key_with_two_organisations", N_("One U-Key was used for more than one organisation.")},
    {"conflict.key_on_two_computers", N_("One U-Key was in two computers at the same time.")},
    {"bundle.fork", N_("Two bundles of one workstation have different records in the same place.")},
    {"bundle.cut_tail", N_("A later bundle of a workstation ends before records that an earlier one has.")},
    {"bundle.gap", N_("Records between two bundles of a workstation are missing.")},
    {"bundle.restored",
     N_("A workstation's ledger goes on from a restored backup, beside what it had recorded after the "
        "backup. Ask whether and why it was restored.")},
});

std::string rounding_text(Rounding rounding) {
    switch (rounding) {
    case Rounding::proportional:
        return _("Rounding: a broken percent costs its part.");
    case Rounding::started_percent:
        return _("Rounding: a started percent costs as much as a whole one.");
    case Rounding::full_percent:
        return _("Rounding: only whole percents cost anything.");
    }
    return {};
}

std::string combination_text(Combination combination) {
    switch (combination) {
    case Combination::larger:
        return _(
            "Coverage: of the two shortfalls, of all organisations and of general branches and above, the "
            "larger one counts.");
    case Combination::sum:
        return _(
            "Coverage: the shortfalls of all organisations and of general branches and above are added.");
    }
    return {};
}

std::string deduction_text(std::string_view criterion, const Deduction& deduction) {
    return say(N_("{criterion}: each percent missing costs {rate} points, at most {most} a month."),
               {{"criterion", std::string(criterion)},
                {"rate", to_string(deduction.per_percent)},
                {"most", to_string(deduction.max)}});
}

/// Minutes are enough for people.
std::string to_minutes(Timestamp moment) {
    return format_china_time(moment).substr(0, 16);
}

} // namespace

std::string title_of(const MonthAssessment& assessment) {
    return say(N_("Assessment of U-Keys and logins, {month}"), {{"month", assessment.month.text()}});
}

std::string basis_of(AssessmentScope scope) {
    switch (scope) {
    case AssessmentScope::workstation:
        return _(
            "Basis: what this computer saw, not the platform's own record. “Not seen here” does not mean "
            "that the organisation did not log in.");
    case AssessmentScope::district:
        return _(
            "Basis: what the workstations saw, not the platform's own record. “Cannot tell” means that a "
            "login could have happened where no workstation's records reach.");
    }
    return {};
}

std::string short_basis_of(AssessmentScope scope) {
    switch (scope) {
    case AssessmentScope::workstation:
        return _("seen by this computer, not the platform's record");
    case AssessmentScope::district:
        return _("seen by the workstations, not the platform's record");
    }
    return {};
}

std::string unfinished_note(const MonthAssessment& assessment) {
    const auto newest = std::ranges::max_element(assessment.ledgers, {}, &LedgerExtent::vouched_until);
    if (newest == assessment.ledgers.end() || newest->vouched_until >= assessment.month.end()) {
        return {};
    }
    return say(
        N_("The records reach to {time}, not to the end of the month: these are not its last figures."),
        {{"time", to_minutes(newest->vouched_until)}});
}

LoginStatus undecided_status(AssessmentScope scope) {
    return scope == AssessmentScope::workstation ? LoginStatus::not_seen_here : LoginStatus::cannot_tell;
}

std::string unit_title(std::string_view code, std::string_view name) {
    if (code.empty()) {
        return _("Without an assessed unit");
    }
    return name.empty() ? std::string(code) : fmt::format("{} {}", code, name);
}

std::string unit_title(const UnitAssessment& unit) {
    return unit_title(unit.code, unit.name);
}

std::string status_word(LoginStatus status) {
    switch (status) {
    case LoginStatus::met:
        return _("met");
    case LoginStatus::not_met:
        return _("not met");
    case LoginStatus::not_seen_here:
        return _("not seen here");
    case LoginStatus::cannot_tell:
        return _("cannot tell");
    case LoginStatus::not_required:
        return _("not required");
    }
    return {};
}

std::string_view status_mark(LoginStatus status) {
    switch (status) {
    case LoginStatus::met:
        return "✔";
    case LoginStatus::not_met:
        return "✘";
    case LoginStatus::not_seen_here:
    case LoginStatus::cannot_tell:
        return "?";
    case LoginStatus::not_required:
        return "–";
    }
    return {};
}

std::string covered_word(Covered covered) {
    switch (covered) {
    case Covered::key:
        return _("U-Key");
    case Covered::mobile_terminal:
        return _("mobile terminal");
    case Covered::no:
        return _("none");
    case Covered::cannot_tell:
        return _("cannot tell");
    case Covered::not_required:
        return _("not required");
    }
    return {};
}

std::string administrator_word(AdministratorState state) {
    switch (state) {
    case AdministratorState::known:
        return _("in order");
    case AdministratorState::missing:
        return _("missing");
    case AdministratorState::bad_mobile:
        return _("mobile number not valid");
    case AdministratorState::not_required:
        return _("not required");
    }
    return {};
}

std::string explain_reason(std::string_view code) {
    const auto found = std::ranges::find(explanations, code, &Explanation::code);
    return found != explanations.end() ? translate(found->text) : std::string(code);
}

WorkstationNames::WorkstationNames(const std::vector<LedgerExtent>& ledgers) {
    for (const LedgerExtent& ledger : ledgers) {
        if (!ledger.name.empty()) {
            by_fingerprint_.emplace(ledger.workstation, ledger.name);
        }
    }
}

std::string WorkstationNames::name_of(const std::string& fingerprint) const {
    if (const auto found = by_fingerprint_.find(fingerprint); found != by_fingerprint_.end()) {
        return found->second;
    }
    return fingerprint.empty() ? _("this computer") : shortened(fingerprint);
}

std::string describe(const Doubt& doubt, const WorkstationNames& names) {
    const std::string times = doubt.from == doubt.to
                                  ? to_minutes(doubt.from)
                                  : fmt::format("{} – {}", to_minutes(doubt.from), to_minutes(doubt.to));
    const std::string where = doubt.workstation.empty() ? "" : " [" + names.name_of(doubt.workstation) + "]";
    return times + ": " + explain_reason(doubt.code) + where;
}

std::string describe(const Conflict& conflict, const WorkstationNames& names) {
    std::string text = to_minutes(conflict.time) + ": " + explain_reason(conflict.code);
    if (!conflict.key_id.empty()) {
        text += " " + say(N_("U-Key {key}."), {{"key", shortened(conflict.key_id)}});
    }
    if (!conflict.organisations.empty()) {
        text += " " + say(N_("Organisations: {list}."),
                          {{"list", fmt::format("{}", fmt::join(conflict.organisations, ", "))}});
    }
    std::vector<std::string> workstations;
    std::ranges::transform(conflict.workstations, std::back_inserter(workstations),
                           [&](const std::string& fingerprint) { return names.name_of(fingerprint); });
    if (!workstations.empty()) {
        text += " " + say(N_("Workstations: {list}."),
                          {{"list", fmt::format("{}", fmt::join(workstations, ", "))}});
    }
    return text;
}

std::uint64_t percent_hundredths(std::uint64_t part, std::uint64_t whole) {
    constexpr std::uint64_t all = 10'000;
    if (part >= whole) {
        return all;
    }
    // Less than all is never shown as all.
    return std::min(all - 1, (part * all * 2 + whole) / (whole * 2));
}

std::string percent_text(std::uint64_t hundredths) {
    return fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
}

std::string percent_range(const Rate& rate) {
    if (rate.required == 0) {
        return "–"; // nothing of nothing is no percentage
    }
    const std::string least = percent_text(percent_hundredths(rate.fulfilled_min, rate.required));
    const std::string most = percent_text(percent_hundredths(rate.fulfilled_max, rate.required));
    return least == most ? least : least + "–" + most;
}

std::string points_range(Points least, Points most) {
    return least == most ? to_string(least) : to_string(least) + "–" + to_string(most);
}

std::string days_text(std::uint32_t days) {
    std::string text;
    for (unsigned day = 1; day <= 31; ++day) {
        if ((days >> (day - 1) & 1U) != 0) {
            text += (text.empty() ? "" : ", ") + std::to_string(day);
        }
    }
    return text;
}

std::string shortened(std::string_view hexadecimal, std::size_t digits) {
    return hexadecimal.size() <= digits ? std::string(hexadecimal)
                                        : std::string(hexadecimal.substr(0, digits)) + "…";
}

std::vector<std::string> rule_lines(const CriterionRule& rule) {
    return {say(N_("Logins asked for: {count} a month."),
                {{"count", std::to_string(rule.login.sessions_required)}}),
            deduction_text(_("Coverage"), rule.coverage.deduction),
            deduction_text(_("Administrators"), rule.administrators.deduction),
            deduction_text(_("Logins of the month"), rule.login.deduction),
            combination_text(rule.coverage.combine),
            rounding_text(rule.rounding)};
}

} // namespace ukey::ctl
