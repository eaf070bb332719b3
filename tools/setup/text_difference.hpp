// SPDX-License-Identifier: Apache-2.0
// Two texts line by line: what is taken out and what is put in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ukey::ctl {

struct LineChange {
    char sign = '+'; ///< '-' taken out, '+' put in
    std::string line;

    bool operator==(const LineChange&) const = default;
};

/// In the order of the file; lines that both have in common stay out of it. A missing last line feed is
/// no difference.
std::vector<LineChange> text_difference(std::string_view before, std::string_view after);

} // namespace ukey::ctl
