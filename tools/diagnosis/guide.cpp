// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/guide.hpp"

#include <algorithm>
#include <array>

#include "tools/diagnosis/fix.hpp"

namespace ukey::ctl {
namespace {

constexpr std::array kind_names{"done", "leave_one", "plug_in", "fix", "act", "other_port", "other_key"};

/// What this program can mend comes before what the person has to do.
Step mend(const Diagnosis& diagnosis, const GuideHistory& history) {
    const std::vector<std::string> codes = codes_to_mend(diagnosis);
    const auto is_new = [&](const std::string& code) { return !history.codes.contains(code); };
    const auto fixable = std::ranges::find_if(
        codes, [&](const std::string& code) { return is_new(code) && fix_for(code) != nullptr; });
    if (fixable != codes.end()) {
        return {StepKind::fix, *fixable};
    }
    const auto first = std::ranges::find_if(codes, is_new);
    return first != codes.end() ? Step{StepKind::act, *first} : Step{};
}

/// Whether another key at this port would prove something, and can be told from this one.
bool other_key_helps(const Diagnosis& diagnosis) {
    return !diagnosis.evidence.port.empty() &&
           std::ranges::any_of(diagnosis.judgement.because, [](const std::string& code) {
               return rule_of(code).proof == Proof::other_key_too;
           });
}

/// Not decided: more is found out by changing one thing at a time.
Step narrow_down(const Diagnosis& diagnosis, const GuideHistory& history) {
    const auto is_new = [&](StepKind kind) { return !history.asked.contains(kind); };
    const bool is_seen = diagnosis.target.has_device() || diagnosis.target.has_token();
    if (!is_seen && is_new(StepKind::plug_in)) {
        return {StepKind::plug_in};
    }
    if (is_new(StepKind::other_port)) {
        return {StepKind::other_port};
    }
    return is_new(StepKind::other_key) && other_key_helps(diagnosis) ? Step{StepKind::other_key} : Step{};
}

} // namespace

std::string_view to_string(StepKind kind) {
    return kind_names.at(static_cast<std::size_t>(kind));
}

std::vector<std::string> codes_to_mend(const Diagnosis& diagnosis) {
    std::vector<std::string> codes = diagnosis.judgement.because;
    if (diagnosis.evidence.service_away && std::ranges::find(codes, "daemon.unreachable") == codes.end()) {
        codes.emplace_back("daemon.unreachable");
    }
    return codes;
}

Step next_step(std::span<const Diagnosis> diagnoses, const GuideHistory& history) {
    if (diagnoses.size() > 1 && !history.asked.contains(StepKind::leave_one)) {
        return {StepKind::leave_one};
    }
    const Diagnosis& diagnosis = diagnoses.front();
    switch (diagnosis.judgement.verdict) {
    case Verdict::fix_this_computer:
        // What works on another computer is not mended by a list of suspicions.
        return diagnosis.judgement.decision == Decision::works_elsewhere ? Step{} : mend(diagnosis, history);
    case Verdict::user_action:
        return mend(diagnosis, history);
    case Verdict::try_another_computer:
        return diagnosis.evidence.service_away ? mend(diagnosis, history) : narrow_down(diagnosis, history);
    case Verdict::key_in_order:
    case Verdict::return_key:
        return {};
    }
    return {};
}

void note(GuideHistory& history, const Step& step, const Diagnosis& diagnosis) {
    history.asked.insert(step.kind);
    if (!step.code.empty()) {
        history.codes.insert(step.code);
    }
    if (step.kind == StepKind::other_port) {
        history.first_port = diagnosis.evidence.port;
    }
}

} // namespace ukey::ctl
