// SPDX-License-Identifier: Apache-2.0
// A diagnosis together with the person at the terminal: one instruction at a time, and another look after
// each.
#pragma once

#include <string>
#include <vector>

#include "tools/diagnosis/look.hpp"

namespace ukey::ctl {

struct Guided {
    Look look;                      ///< the last one
    std::vector<Evidence> previous; ///< what was given, and other keys that were looked at on the way
    std::string other_port;         ///< where the key did not work, when it works now; else empty
};

/// Asks until nothing more can be found out here, or the person ends it. Standard input must be a terminal.
/// Blocks for as long as the person takes. Error `key.not_found`.
Outcome<Guided> diagnose_guided(const Context& context, const std::string& wanted,
                                std::vector<Evidence> previous);

} // namespace ukey::ctl
