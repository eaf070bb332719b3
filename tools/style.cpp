// SPDX-License-Identifier: Apache-2.0
#include "tools/style.hpp"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

/// ECMA-48 "select graphic rendition" parameters.
std::string_view rendition(Paint paint) {
    switch (paint) {
    case Paint::plain:
        return "";
    case Paint::good:
        return "32";
    case Paint::warning:
        return "33";
    case Paint::bad:
        return "31";
    case Paint::strong:
        return "1";
    case Paint::faint:
        return "2";
    }
    return "";
}

} // namespace

Style Style::for_descriptor(int descriptor) {
    const char* no_colour = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): one thread
    const bool forbidden = no_colour != nullptr && *no_colour != '\0';
    return {.colour = !forbidden && isatty(descriptor) == 1};
}

std::string Style::paint(Paint paint, std::string_view text) const {
    const std::string_view parameters = rendition(paint);
    if (!colour || parameters.empty() || text.empty()) {
        return std::string(text);
    }
    return fmt::format("\x1b[{}m{}\x1b[0m", parameters, text);
}

std::string padded(std::string_view text, std::size_t columns) {
    const std::size_t width = display_width(text);
    return std::string(text) + std::string(width < columns ? columns - width : 0, ' ');
}

std::string Table::text(const Style& style, std::size_t indent) const {
    std::vector<Cell> headings;
    for (const std::string& heading : headings_) {
        headings.push_back({heading, Paint::faint});
    }
    // Of each cell but the last of a line, which is not filled up. Reckoned once: of Chinese text that is
    // dear.
    std::vector<std::size_t> cell_widths;
    std::vector<std::size_t> widths(headings_.size());
    const auto measure = [&](const std::vector<Cell>& cells) {
        for (std::size_t column = 0; column < std::min(cells.size(), widths.size()); ++column) {
            const bool last = column + 1 == cells.size();
            cell_widths.push_back(last ? 0 : display_width(cells[column].text));
            widths[column] = std::max(widths[column], cell_widths.back());
        }
    };
    std::string lines;
    auto width = cell_widths.cbegin();
    const auto add_line = [&](const std::vector<Cell>& cells) {
        lines.append(indent, ' ');
        for (std::size_t column = 0; column < std::min(cells.size(), widths.size()); ++column) {
            const bool last = column + 1 == cells.size();
            const std::size_t missing = last ? 0 : widths[column] - *width + 2;
            lines += style.paint(cells[column].paint, cells[column].text);
            lines.append(missing, ' ');
            ++width;
        }
        lines += '\n';
    };
    measure(headings);
    std::ranges::for_each(rows_, measure);
    width = cell_widths.cbegin();
    add_line(headings);
    std::ranges::for_each(rows_, add_line);
    return lines;
}

} // namespace ukey::ctl
