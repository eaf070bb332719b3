// SPDX-License-Identifier: Apache-2.0
// A last question before something that cannot be undone.
#pragma once

#include <string>
#include <string_view>

#include "tools/failure.hpp"

namespace ukey::ctl {

/// Asks on the terminal, and waits for the answer; `confirmed` (an option such as --yes) answers it. Error
/// `confirmation.missing` when the answer is no, or nobody is there to be asked.
Outcome<void> ask_to_confirm(const std::string& question, bool confirmed);

/// What was typed means yes.
bool is_yes(std::string_view answer);

} // namespace ukey::ctl
