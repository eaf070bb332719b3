// SPDX-License-Identifier: Apache-2.0
// A look at this computer and the keys in it, once what was just plugged in has settled.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "tools/diagnosis/diagnosis.hpp"
#include "tools/verb.hpp"

namespace ukey::ctl {

struct Look {
    ComputerView view;
    std::vector<Diagnosis> diagnoses; ///< at least one: that of a key that nothing sees
};

/// pcscd looks for a card in some readers only now and then, and a card is read once it is there.
constexpr std::chrono::seconds settling_time{2};
/// After a key was plugged in under our eyes: some are slow to come up, and what is then said of them counts.
constexpr std::chrono::seconds settling_time_after_arrival{10};

/// Looks until nothing can be expected to change by itself, up to `patience`; the last look counts. `wanted`
/// is a key or a port, empty all of them. Error `key.not_found`.
Outcome<Look> look(const Context& context, const std::string& wanted, std::span<const Evidence> previous,
                   std::chrono::seconds patience = settling_time);

} // namespace ukey::ctl
