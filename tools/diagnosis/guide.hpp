// SPDX-License-Identifier: Apache-2.0
// A guided diagnosis: which single step comes next, from what was found and what was asked already.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "tools/diagnosis/diagnosis.hpp"

namespace ukey::ctl {

enum class StepKind : std::uint8_t {
    done,       ///< nothing more can be found out here
    leave_one,  ///< several keys are in: the one in question alone
    plug_in,    ///< no key is seen
    fix,        ///< this program may mend it, once the person agrees
    act,        ///< the person has something to do
    other_port, ///< out, and in again at another port
    other_key,  ///< one that works, at the same port
};
/// "leave_one" …
std::string_view to_string(StepKind kind);

struct Step {
    StepKind kind = StepKind::done;
    std::string code{}; ///< of what is to be mended; for `fix` and `act`

    bool operator==(const Step&) const = default;
};

/// What was asked already: nothing is asked twice.
struct GuideHistory {
    std::set<StepKind> asked;
    std::set<std::string> codes; ///< by `fix` and `act`
    std::string first_port;      ///< where the key did not work; empty: nowhere
};

/// In the order of Step's kinds; a computer that is at fault is mended before anything is said of the key.
Step next_step(std::span<const Diagnosis> diagnoses, const GuideHistory& history);

/// Notes what the step asks.
void note(GuideHistory& history, const Step& step, const Diagnosis& diagnosis);

/// The codes that decided, and that the service is away.
std::vector<std::string> codes_to_mend(const Diagnosis& diagnosis);

} // namespace ukey::ctl
