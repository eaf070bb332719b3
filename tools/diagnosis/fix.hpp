// SPDX-License-Identifier: Apache-2.0
// What this program may do to this computer by itself, once the person has agreed: things that destroy
// nothing and can be done again.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/failure.hpp"

namespace ukey::ctl {

struct Fix {
    std::string_view name;  ///< for programs, and to tell one from another
    std::string_view title; ///< what it does, a gettext message id
    /// One after the other, each a program and its arguments; no shell.
    std::vector<std::vector<std::string_view>> commands;
    bool interrupts = false; ///< programs that are at work with a key
};

/// For one code of a finding; nullptr: that needs a person.
const Fix* fix_for(std::string_view code);
/// Each once, in the order of the codes.
std::vector<const Fix*> fixes_for(std::span<const std::string> codes);

/// As a person would type them, joined by " && ".
std::string command_line(const Fix& fix);

/// One after the other, each after its own question unless `confirmed`; what interrupts somebody is asked for
/// all the same. Standard error says what is done, and what did not work. True when something was done.
bool offer_fixes(std::span<const std::string> codes, bool confirmed);

/// Runs the commands on the caller's terminal, where one may ask for a password, up to the first that fails.
/// Blocks until they have ended. Error `fix.failed`.
Outcome<void> apply(const Fix& fix);

} // namespace ukey::ctl
