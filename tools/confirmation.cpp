// SPDX-License-Identifier: Apache-2.0
#include "tools/confirmation.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <unistd.h>

#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

/// Typed with or without an input method.
constexpr std::array<std::string_view, 5> yes_words{"y", "Y", "yes", "是", "ｙ"};

} // namespace

bool is_yes(std::string_view answer) {
    return std::ranges::find(yes_words, answer) != yes_words.end();
}

Outcome<void> ask_to_confirm(const std::string& question, bool confirmed) {
    if (confirmed) {
        return {};
    }
    if (isatty(STDIN_FILENO) == 1) {
        std::fputs((question + " " + _("Go on? [y/N] ")).c_str(), stderr);
        std::string answer;
        std::getline(std::cin, answer);
        if (is_yes(answer)) {
            return {};
        }
    }
    return fail_with("confirmation.missing");
}

} // namespace ukey::ctl
