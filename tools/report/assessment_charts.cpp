// SPDX-License-Identifier: Apache-2.0
#include "tools/report/assessment_charts.hpp"

#include <algorithm>
#include <array>

#include <xlsxwriter.h>

#include "tools/locale.hpp"
#include "tools/report/assessment_words.hpp"

namespace ukey::ctl {
namespace {

constexpr lxw_color_t colour_met = 0x2E9E62;
constexpr lxw_color_t colour_undecided = 0xE0A33A;
constexpr lxw_color_t colour_not_met = 0xD9534A;

/// libxlsxwriter's own size of a chart, which is scaled.
constexpr double chart_width_px = 480;
constexpr double chart_height_px = 288;
/// A bar with its name stays readable at this height.
constexpr double bar_height_px = 19;
constexpr double frame_height_px = 110;

/// Rows that a unit takes in the sheet of charts: its chart is as tall as nine of Excel's rows of 20 pixels.
constexpr std::uint32_t unit_rows = 10;
constexpr double unit_chart_height_px = 178;
constexpr double unit_chart_width_px = 385;
/// Five columns of the summary, with a gap to the next.
constexpr double criterion_chart_width_px = 470;
/// On A4 the table and the chart beside it fit into the width at this scale, and so many units into the
/// height.
constexpr std::uint16_t print_scale_percent = 60;
constexpr std::size_t units_a_page = 7;

/// What is not met has a pattern, for those who see no red and for black-and-white printers.
void paint(lxw_chart_series* series, std::size_t part) {
    if (part == 2) {
        lxw_chart_pattern pattern{};
        pattern.fg_color = colour_not_met;
        pattern.bg_color = LXW_COLOR_WHITE;
        pattern.type = static_cast<std::uint8_t>(LXW_CHART_PATTERN_PERCENT_75);
        chart_series_set_pattern(series, &pattern);
        return;
    }
    lxw_chart_fill fill{};
    fill.color = part == 0 ? colour_met : colour_undecided;
    chart_series_set_fill(series, &fill);
}

std::array<std::string, 3> part_names(AssessmentScope scope) {
    return {status_word(LoginStatus::met), status_word(undecided_status(scope)),
            status_word(LoginStatus::not_met)};
}

/// Where the figures of a chart are: `categories` in a column, and the three parts in columns side by side.
struct Figures {
    std::string sheet;
    std::uint32_t first_row = 0;
    std::uint32_t last_row = 0;
    std::uint16_t categories = 0;
    std::uint16_t parts = 0;
};

lxw_chart* make_chart(Workbook& book, const std::string& title, const Figures& figures,
                      AssessmentScope scope) {
    lxw_chart* chart = book.add_bars();
    const auto names = part_names(scope);
    for (std::size_t part = 0; part < names.size(); ++part) {
        lxw_chart_series* series = chart_add_series(chart, nullptr, nullptr);
        const auto column = static_cast<lxw_col_t>(figures.parts + part);
        chart_series_set_categories(series, figures.sheet.c_str(), figures.first_row, figures.categories,
                                    figures.last_row, figures.categories);
        chart_series_set_values(series, figures.sheet.c_str(), figures.first_row, column, figures.last_row,
                                column);
        chart_series_set_name(series, names[part].c_str());
        paint(series, part);
    }
    chart_title_set_name(chart, title.c_str());
    lxw_chart_font font{};
    font.size = 11;
    font.bold = LXW_TRUE;
    chart_title_set_name_font(chart, &font);
    chart_legend_set_position(chart, LXW_CHART_LEGEND_BOTTOM);
    // Of bars, libxlsxwriter calls the axis of the names y. Bars are drawn from the bottom: the first row on
    // top, as in the table; and every name is written.
    chart_axis_set_reverse(chart->y_axis);
    chart_axis_set_interval_unit(chart->y_axis, 1);
    lxw_chart_font small{};
    small.size = 8;
    chart_axis_set_num_font(chart->y_axis, &small);
    chart_axis_set_num_font(chart->x_axis, &small);
    chart_set_series_gap(chart, 40);
    return chart;
}

void insert(lxw_worksheet* sheet, std::uint32_t row, std::uint16_t column, lxw_chart* chart, double width_px,
            double height_px, std::string title) {
    lxw_chart_options options{};
    options.x_scale = width_px / chart_width_px;
    options.y_scale = height_px / chart_height_px;
    options.description = title.data(); // read aloud in place of the picture
    worksheet_insert_chart_opt(sheet, row, column, chart, &options);
}

struct NamedRate {
    std::string name;
    const Rate* rate;
};

void write_unit_card(Workbook& book, lxw_worksheet* sheet, std::uint32_t row, const UnitAssessment& unit,
                     const std::string& title, AssessmentScope scope, const std::string& sheet_name) {
    book.put(sheet, row, 0, {title, Fill::strong});
    const auto names = part_names(scope);
    const std::array<std::string, 5> headings{_("Criterion"), _("asked of"), names[0], names[1], names[2]};
    for (std::size_t column = 0; column < headings.size(); ++column) {
        book.put(sheet, row + 1, static_cast<std::uint16_t>(column), {headings[column], Fill::heading});
    }
    const std::array<NamedRate, 3> rates{NamedRate{_("Coverage"), &unit.coverage},
                                         NamedRate{_("Administrators"), &unit.administrators},
                                         NamedRate{_("Logins of the month"), &unit.login}};
    for (std::uint32_t i = 0; i < rates.size(); ++i) {
        const Rate& rate = *rates[i].rate;
        const std::array<SheetCell, 5> cells{SheetCell{rates[i].name}, SheetCell{rate.required},
                                             SheetCell{rate.fulfilled_min},
                                             SheetCell{rate.fulfilled_max - rate.fulfilled_min},
                                             SheetCell{rate.required - rate.fulfilled_max}};
        for (std::size_t column = 0; column < cells.size(); ++column) {
            book.put(sheet, row + 2 + i, static_cast<std::uint16_t>(column), cells[column]);
        }
    }
    insert(sheet, row, 6,
           make_chart(
               book, title,
               {.sheet = sheet_name, .first_row = row + 2, .last_row = row + 4, .categories = 0, .parts = 2},
               scope),
           unit_chart_width_px, unit_chart_height_px, title);
}

} // namespace

void add_criterion_chart(Workbook& book, lxw_worksheet* sheet, std::uint32_t row, std::uint16_t column,
                         const CriterionChart& chart, AssessmentScope scope) {
    if (chart.units == 0) {
        return;
    }
    insert(sheet, row, column,
           make_chart(book, chart.title,
                      {.sheet = chart.units_sheet,
                       .first_row = 1,
                       .last_row = static_cast<std::uint32_t>(chart.units),
                       .categories = 1,
                       .parts = chart.first_column},
                      scope),
           criterion_chart_width_px, frame_height_px + bar_height_px * static_cast<double>(chart.units),
           chart.title);
}

void add_charts_sheet(Workbook& book, const MonthAssessment& assessment) {
    const std::string name = _("Charts");
    lxw_worksheet* sheet = book.add_sheet(name);
    worksheet_set_portrait(sheet);
    worksheet_set_print_scale(sheet, print_scale_percent);
    std::vector<lxw_row_t> breaks;
    for (std::size_t unit = units_a_page; unit <= assessment.units.size(); unit += units_a_page) {
        breaks.push_back(static_cast<lxw_row_t>(unit * unit_rows));
    }
    breaks.push_back(0); // the library's mark of the end
    worksheet_set_h_pagebreaks(sheet, breaks.data());
    worksheet_set_column(sheet, 0, 0, 18, nullptr);
    worksheet_set_column(sheet, 1, 4, 9, nullptr);
    worksheet_set_column(sheet, 5, 5, 2, nullptr);
    std::uint32_t row = 0;
    write_unit_card(book, sheet, row, assessment.total, _("All together"), assessment.scope, name);
    for (const UnitAssessment& unit : assessment.units) {
        row += unit_rows;
        write_unit_card(book, sheet, row, unit, unit_title(unit), assessment.scope, name);
    }
}

} // namespace ukey::ctl
