// SPDX-License-Identifier: Apache-2.0
// A look at this computer and the keys in it, once what was just plugged in has settled.
#pragma once

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

/// Looks until nothing can be expected to change by itself, up to two seconds; the last look counts. `wanted`
/// is a key or a port, empty all of them. Error `key.not_found`.
Outcome<Look> look(const Context& context, const std::string& wanted, std::span<const Evidence> previous);

} // namespace ukey::ctl
