// SPDX-License-Identifier: Apache-2.0
#include "tools/report/workbook.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <xlsxwriter.h>

#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

/// Excel's own limits (specifications and limits of Excel).
constexpr std::uint32_t sheet_rows_max = 1'048'576;
constexpr std::size_t cell_characters_max = 32'767;
constexpr std::size_t sheet_name_characters_max = 31;

/// Columns that stay readable on a screen, in characters.
constexpr std::size_t width_least = 6;
constexpr std::size_t width_most = 60;
/// The filter's arrow beside a heading, and some air.
constexpr std::size_t width_margin = 3;

constexpr lxw_color_t colour_good = 0xE6F4EC;
constexpr lxw_color_t colour_undecided = 0xFDF1DC;
constexpr lxw_color_t colour_bad = 0xFBE9E7;
constexpr lxw_color_t colour_heading = 0x1F4E79;

constexpr std::uint8_t paper_a4 = 9;

tl::unexpected<Failure> unwritable(const std::string& path, const std::string& reason) {
    return fail_with("file.unwritable", {{"object", path}, {"reason", reason}});
}

/// The first `characters` of a text, counted as Excel does: UTF-16 units, for which bytes are a safe bound.
std::string_view cut(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) {
        return text;
    }
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) {
        --bytes; // not within a character
    }
    return text.substr(0, bytes);
}

std::string fit_for_a_name(std::string name) {
    std::ranges::replace_if(
        name,
        [](char character) {
            return std::string_view("[]:*?/\\'").find(character) != std::string_view::npos;
        },
        ' ');
    return std::string(cut(name, sheet_name_characters_max));
}

void colour(lxw_format* format, Fill fill) {
    switch (fill) {
    case Fill::none:
        break;
    case Fill::good:
        format_set_bg_color(format, colour_good);
        break;
    case Fill::undecided:
        format_set_bg_color(format, colour_undecided);
        break;
    case Fill::bad:
        format_set_bg_color(format, colour_bad);
        break;
    case Fill::strong:
        format_set_bold(format);
        break;
    case Fill::title:
        format_set_bold(format);
        format_set_font_size(format, 16);
        format_set_font_color(format, colour_heading);
        break;
    case Fill::heading:
        format_set_bold(format);
        format_set_font_color(format, LXW_COLOR_WHITE);
        format_set_bg_color(format, colour_heading);
        format_set_align(format, LXW_ALIGN_VERTICAL_CENTER);
        break;
    case Fill::wrapped:
        format_set_text_wrap(format);
        break;
    }
}

} // namespace

std::string cell_text(std::string_view text) {
    return std::string(cut(to_printable_utf8(text), cell_characters_max));
}

void Workbook::Delete::operator()(lxw_workbook* book) const {
    lxw_workbook_free(book);
}

Outcome<Workbook> Workbook::create(const std::string& path, const Properties& properties) {
    lxw_workbook_options options{};
    options.constant_memory = properties.large ? LXW_TRUE : LXW_FALSE;
    std::unique_ptr<lxw_workbook, Delete> book(workbook_new_opt(path.c_str(), &options));
    if (book == nullptr) {
        return unwritable(path, lxw_strerror(LXW_ERROR_MEMORY_MALLOC_FAILED));
    }
    std::string title = properties.title; // the library copies, and takes no const
    lxw_doc_properties document{};
    document.title = title.data();
    document.created = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(properties.created));
    workbook_set_properties(book.get(), &document);
    return Workbook(path, std::move(book));
}

lxw_worksheet* Workbook::add_sheet(const std::string& name) {
    lxw_worksheet* sheet = workbook_add_worksheet(book_.get(), fit_for_a_name(name).c_str());
    if (sheet == nullptr) { // a name twice, or no temporary file: then without a name of ours
        sheet = workbook_add_worksheet(book_.get(), nullptr);
    }
    if (sheet == nullptr) {
        throw std::bad_alloc();
    }
    worksheet_set_landscape(sheet);
    worksheet_set_paper(sheet, paper_a4);
    worksheet_fit_to_pages(sheet, 1, 0);
    // Codes and telephone numbers are texts on purpose.
    worksheet_ignore_errors(sheet, LXW_IGNORE_NUMBER_STORED_AS_TEXT, "A1:XFD1048576");
    return sheet;
}

lxw_chart* Workbook::add_bars() {
    return workbook_add_chart(book_.get(), LXW_CHART_BAR_STACKED_PERCENT);
}

lxw_format* Workbook::format(Fill fill, Kind kind) {
    lxw_format*& known = formats_[{fill, kind}];
    if (known == nullptr) {
        known = workbook_add_format(book_.get());
        format_set_align(known, LXW_ALIGN_VERTICAL_TOP);
        colour(known, fill);
        // "@": what a person types into such a cell later stays a text too.
        format_set_num_format(known, kind == Kind::text ? "@" : kind == Kind::whole ? "0" : "0.00");
    }
    return known;
}

void Workbook::put(lxw_worksheet* sheet, std::uint32_t row, std::uint16_t column, const SheetCell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell.value)) {
        worksheet_write_string(sheet, row, column, cell_text(*text).c_str(), format(cell.fill, Kind::text));
    } else if (const auto* whole = std::get_if<std::uint64_t>(&cell.value)) {
        worksheet_write_number(sheet, row, column, static_cast<double>(*whole),
                               format(cell.fill, Kind::whole));
    } else if (const auto* part = std::get_if<Hundredths>(&cell.value)) {
        worksheet_write_number(sheet, row, column, static_cast<double>(part->value) / 100,
                               format(cell.fill, Kind::hundredths));
    }
}

Outcome<void> Workbook::close() {
    lxw_worksheet* sheet = nullptr;
    STAILQ_FOREACH(sheet, book_->worksheets, list_pointers) {
        // The library writes rows without looking whether that worked.
        if (sheet->optimize_tmpfile != nullptr &&
            (std::fflush(sheet->optimize_tmpfile) != 0 || std::ferror(sheet->optimize_tmpfile) != 0)) {
            return unwritable(path_, lxw_strerror(LXW_ERROR_CREATING_TMPFILE));
        }
    }
    const lxw_error error = workbook_close(book_.release());
    return error == LXW_NO_ERROR ? Outcome<void>() : Outcome<void>(unwritable(path_, lxw_strerror(error)));
}

SheetTable::SheetTable(Workbook& book, std::string name, std::vector<std::string> headings,
                       std::uint16_t frozen_columns)
    : book_(book), name_(std::move(name)), headings_(std::move(headings)), frozen_columns_(frozen_columns) {
    begin();
}

void SheetTable::begin() {
    ++pages_;
    sheet_ = book_.add_sheet(pages_ == 1 ? name_ : name_ + " " + std::to_string(pages_));
    widths_.assign(headings_.size(), width_least);
    for (std::size_t column = 0; column < headings_.size(); ++column) {
        book_.put(sheet_, 0, static_cast<std::uint16_t>(column), {headings_[column], Fill::heading});
        widen(column, headings_[column]);
    }
    worksheet_freeze_panes(sheet_, 1, frozen_columns_);
    worksheet_repeat_rows(sheet_, 0, 0);
    next_row_ = 1;
}

void SheetTable::add(const std::vector<SheetCell>& cells) {
    if (next_row_ == sheet_rows_max) {
        finish();
        begin();
    }
    for (std::size_t column = 0; column < cells.size(); ++column) {
        book_.put(sheet_, next_row_, static_cast<std::uint16_t>(column), cells[column]);
        if (const auto* text = std::get_if<std::string>(&cells[column].value)) {
            widen(column, *text);
        }
    }
    ++next_row_;
}

void SheetTable::widen(std::size_t column, std::string_view text) {
    // What is longer than the most need not be measured to its end.
    const std::size_t width = text.size() > 4 * width_most ? width_most : display_width(text);
    widths_[column] = std::clamp(width, widths_[column], width_most);
}

void SheetTable::finish() {
    for (std::size_t column = 0; column < widths_.size(); ++column) {
        const auto number = static_cast<lxw_col_t>(column);
        worksheet_set_column(sheet_, number, number, static_cast<double>(widths_[column] + width_margin),
                             nullptr);
    }
    worksheet_autofilter(sheet_, 0, 0, std::max(next_row_ - 1, std::uint32_t{1}),
                         static_cast<lxw_col_t>(headings_.size() - 1));
}

} // namespace ukey::ctl
