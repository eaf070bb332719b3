// SPDX-License-Identifier: Apache-2.0
// A text line by line, so that every line that is not changed stays byte for byte.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace ukey::ctl {

/// The first line without its line feed, taken off the text with it.
inline std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

/// `change` gets each line without its line feed and answers what is to stand there; nothing: the line goes.
template <typename Change>
std::string map_lines(std::string_view text, const Change& change) {
    std::string mapped;
    while (!text.empty()) {
        const bool complete = text.find('\n') != std::string_view::npos;
        if (const std::optional<std::string> line = change(take_line(text))) {
            mapped += *line + (complete ? "\n" : "");
        }
    }
    return mapped;
}

} // namespace ukey::ctl
