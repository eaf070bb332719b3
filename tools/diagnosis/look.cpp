// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/look.hpp"

#include <algorithm>
#include <array>
#include <thread>

#include "tools/diagnosis/gather.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

constexpr std::chrono::milliseconds look_interval{200};

Outcome<std::vector<Diagnosis>> diagnose_all(const ComputerView& view, const std::string& wanted,
                                             std::span<const Evidence> previous) {
    auto targets = find_targets(view.status, view.devices, wanted);
    if (targets.empty() && !wanted.empty()) {
        return fail_with("key.not_found", {{"object", wanted}});
    }
    if (targets.empty()) {
        targets.emplace_back(); // a key that nothing sees
    }
    const ComputerIdentity computer = this_computer();
    std::vector<Diagnosis> diagnoses;
    diagnoses.reserve(targets.size());
    for (Target& target : targets) {
        diagnoses.push_back(diagnose(std::move(target), view, computer, previous));
    }
    return diagnoses;
}

/// What was just plugged in, or just let go, is there a moment later.
bool may_settle(const Diagnosis& diagnosis) {
    constexpr std::array passing{"key.unreadable", "reader.empty", "reader.mute", "usb.no_reader",
                                 "usb.no_token"};
    return !diagnosis.evidence.complete ||
           std::ranges::any_of(diagnosis.evidence.faults, [&](const std::string& code) {
               return std::ranges::find(passing, code) != passing.end();
           });
}

} // namespace

Outcome<Look> look(const Context& context, const std::string& wanted, std::span<const Evidence> previous,
                   std::chrono::seconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    StageLine stage;
    for (;;) {
        ComputerView view = look_at_computer(context, stage);
        auto diagnoses = diagnose_all(view, wanted, previous);
        const bool unsettled = view.status && (!diagnoses || std::ranges::any_of(*diagnoses, may_settle));
        if (!unsettled || std::chrono::steady_clock::now() >= end) {
            return diagnoses.map([&](std::vector<Diagnosis> all) {
                return Look{.view = std::move(view), .diagnoses = std::move(all)};
            });
        }
        stage.show(_("Waiting for what was just plugged in …"));
        std::this_thread::sleep_for(look_interval);
    }
}

} // namespace ukey::ctl
