// SPDX-License-Identifier: Apache-2.0
// A spreadsheet file (XLSX) by libxlsxwriter: sheets that are tables, with what every table here has: a
// heading that stays, filters, columns as wide as Chinese needs, texts that no program takes for a number or
// a formula.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/core/clock.hpp"
#include "tools/failure.hpp"

struct lxw_chart;
struct lxw_format;
struct lxw_workbook;
struct lxw_worksheet;

namespace ukey::ctl {

/// Points or percents: 935 is shown as 9.35, as a number.
struct Hundredths {
    std::int64_t value = 0;
};

enum class Fill { none, good, undecided, bad, strong, title, heading, wrapped };

struct SheetCell {
    /// A text stays a text: leading zeros are kept, and "=1+1" is not calculated.
    std::variant<std::monostate, std::string, std::uint64_t, Hundredths> value;
    Fill fill = Fill::none;
};

class Workbook {
  public:
    struct Properties {
        std::string title;
        Timestamp created;  ///< a moment of the data: the same data give the same bytes
        bool large = false; ///< rows go to temporary files instead of memory
    };

    /// Creates the file. Error `file.unwritable`.
    static Outcome<Workbook> create(const std::string& path, const Properties& properties);

    /// A new sheet; its name is made fit for Excel.
    lxw_worksheet* add_sheet(const std::string& name);
    lxw_chart* add_bars();
    void put(lxw_worksheet* sheet, std::uint32_t row, std::uint16_t column, const SheetCell& cell);
    /// Everything into the file. Error `file.unwritable`.
    Outcome<void> close();

  private:
    struct Delete {
        void operator()(lxw_workbook* book) const;
    };

    Workbook(std::string path, std::unique_ptr<lxw_workbook, Delete> book)
        : path_(std::move(path)), book_(std::move(book)) {}
    /// By their number format: texts stay texts, whole numbers as they are, hundredths with two decimals.
    enum class Kind { text, whole, hundredths };
    lxw_format* format(Fill fill, Kind kind);

    std::string path_;
    std::unique_ptr<lxw_workbook, Delete> book_;
    std::map<std::pair<Fill, Kind>, lxw_format*> formats_; ///< owned by the book
};

/// A table that fills a sheet, and goes on in further ones where Excel's last row is reached.
class SheetTable {
  public:
    /// So many columns stay on the left when the rest is moved.
    SheetTable(Workbook& book, std::string name, std::vector<std::string> headings,
               std::uint16_t frozen_columns = 0);
    SheetTable(const SheetTable&) = delete; // finishes its sheet once
    SheetTable& operator=(const SheetTable&) = delete;
    ~SheetTable() { finish(); }

    void add(const std::vector<SheetCell>& cells);
    /// Name of the first sheet, as charts refer to it.
    const std::string& name() const { return name_; }

  private:
    void begin();
    /// Widths and filters, known only when the rows are.
    void finish();
    void widen(std::size_t column, std::string_view text);

    Workbook& book_;
    std::string name_;
    std::vector<std::string> headings_;
    std::uint16_t frozen_columns_;
    lxw_worksheet* sheet_ = nullptr;
    std::uint32_t next_row_ = 0;
    unsigned pages_ = 0;
    std::vector<std::size_t> widths_; ///< in terminal columns, which are Excel's units of width
};

/// Fit for a cell: no control characters, not longer than Excel allows.
std::string cell_text(std::string_view text);

} // namespace ukey::ctl
