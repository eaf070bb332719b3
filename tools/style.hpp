// SPDX-License-Identifier: Apache-2.0
// Colours and marks, and tables that stay aligned with Chinese text in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ukey::ctl {

enum class Paint { plain, good, warning, bad, strong, faint };

/// Whether to colour: only on a terminal, and not when NO_COLOR is set (https://no-color.org).
struct Style {
    bool colour = false;

    static Style for_descriptor(int descriptor);
    std::string paint(Paint paint, std::string_view text) const;
};

struct Cell {
    std::string text;
    Paint paint = Paint::plain;
};

/// Columns two spaces apart, as wide as their widest cell in terminal columns.
class Table {
  public:
    explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.empty(); }
    /// Every line ends with a line feed; `indent` spaces in front of each.
    std::string text(const Style& style, std::size_t indent = 0) const;

  private:
    std::vector<std::string> headings_;
    std::vector<std::vector<Cell>> rows_;
};

/// The text with spaces behind it up to `columns` terminal columns.
std::string padded(std::string_view text, std::size_t columns);

} // namespace ukey::ctl
