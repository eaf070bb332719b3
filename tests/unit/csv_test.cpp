// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/csv.hpp"

#include <chrono>
#include <random>

#include <gtest/gtest.h>

namespace ukey {
namespace {

using Cells = std::vector<std::string>;

std::vector<CsvRow> rows_of(std::string_view text) {
    auto rows = parse_csv(text);
    EXPECT_TRUE(rows.has_value()) << to_string(rows.error());
    return rows.value_or(std::vector<CsvRow>{});
}

Error error_of(std::string_view text) {
    const auto rows = parse_csv(text);
    EXPECT_FALSE(rows.has_value());
    return rows ? Error{} : rows.error();
}

TEST(Csv, ReadsPlainAndQuotedCells) {
    const auto rows = rows_of("a,\"b,c\",\"say \"\"hi\"\"\"\r\n,,\n\"\"\nlast");
    ASSERT_EQ(rows.size(), 4U);
    EXPECT_EQ(rows[0].cells, (Cells{"a", "b,c", "say \"hi\""}));
    EXPECT_EQ(rows[1].cells, (Cells{"", "", ""}));
    EXPECT_EQ(rows[2].cells, (Cells{""}));
    EXPECT_EQ(rows[3].cells, (Cells{"last"}));
}

TEST(Csv, CountsPhysicalLines) {
    const auto rows = rows_of("one\r\n\r\n\n\"two\nlines\",x\r\nfive\n");
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].line, 1U);
    EXPECT_EQ(rows[1].line, 4U);
    EXPECT_EQ(rows[1].cells, (Cells{"two\nlines", "x"}));
    EXPECT_EQ(rows[2].line, 6U);
}

TEST(Csv, EmptyTextHasNoRows) {
    EXPECT_TRUE(rows_of("").empty());
    EXPECT_TRUE(rows_of("\r\n\n").empty());
}

TEST(Csv, TrailingCommaIsAnEmptyCell) {
    const auto rows = rows_of("a,\r\nb,");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].cells, (Cells{"a", ""}));
    EXPECT_EQ(rows[1].cells, (Cells{"b", ""}));
}

TEST(Csv, LoneCarriageReturnIsData) {
    EXPECT_EQ(rows_of("a\rb\n")[0].cells, (Cells{"a\rb"}));
}

TEST(Csv, RefusesStrayQuotes) {
    EXPECT_EQ(error_of("ok\na\"b\n").code, "csv.stray_quote");
    EXPECT_EQ(error_of("ok\na\"b\n").object, "line 2");
    EXPECT_EQ(error_of("\"a\"b\n").code, "csv.stray_quote");
    EXPECT_EQ(error_of("\"a\" ,b\n").code, "csv.stray_quote");
}

TEST(Csv, UnclosedQuoteIsToldWhereItOpens) {
    const Error error = error_of("a\nb,\"c\nd\ne");
    EXPECT_EQ(error.code, "csv.unclosed_quote");
    EXPECT_EQ(error.object, "line 2");
}

TEST(Csv, BoundsTheCell) {
    const std::string longest(csv_cell_max_bytes, 'x');
    EXPECT_EQ(rows_of(longest + "\n")[0].cells[0].size(), csv_cell_max_bytes);
    EXPECT_EQ(rows_of("\"" + longest + "\"\n")[0].cells[0].size(), csv_cell_max_bytes);
    EXPECT_EQ(error_of(longest + "x\n").code, "csv.cell_too_long");
    EXPECT_EQ(error_of("\n\"" + longest + "x\"\n").code, "csv.cell_too_long");
    EXPECT_EQ(error_of("\n\"" + longest + "x\"\n").object, "line 2");
}

TEST(Csv, BoundsTheRow) {
    const std::string widest(csv_row_max_cells - 1, ',');
    EXPECT_EQ(rows_of(widest)[0].cells.size(), csv_row_max_cells);
    EXPECT_EQ(error_of("ok\n" + widest + ",").code, "csv.too_many_cells");
    EXPECT_EQ(error_of("ok\n" + widest + ",").object, "line 2");
}

TEST(Csv, HostileLinesFailAtTheirFirstBound) {
    constexpr std::size_t ten_megabytes = 10'000'000;
    EXPECT_EQ(error_of(std::string(ten_megabytes, 'x')).code, "csv.cell_too_long");
    EXPECT_EQ(error_of(std::string(ten_megabytes, ',')).code, "csv.too_many_cells");
    EXPECT_EQ(error_of(std::string(ten_megabytes + 1, '"')).code, "csv.cell_too_long");
}

TEST(Csv, RefusesFilesBeyondTheBound) {
    EXPECT_EQ(error_of(std::string(csv_file_max_bytes + 1, '\n')).code, "csv.too_large");
}

TEST(Csv, QuotesWhereNeeded) {
    EXPECT_EQ(csv_cell("党支部"), "党支部");
    EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
    EXPECT_EQ(csv_cell("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(csv_cell("a\nb"), "\"a\nb\"");
    EXPECT_EQ(csv_cell(""), "");
}

TEST(Csv, NeutralisesFormulas) {
    for (const std::string start : {"=", "+", "-", "@", "\t", "＝", "＋", "－", "＠"}) {
        EXPECT_EQ(csv_cell(start + "1"), "'" + start + "1");
    }
    EXPECT_EQ(csv_cell("\r=1"), "\"'\r=1\"");
    EXPECT_EQ(csv_cell("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\"");
    EXPECT_EQ(csv_cell("a=1"), "a=1");
}

TEST(Csv, ReadsWhatItWrote) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const std::vector<std::string> pieces = {"a", ",", "\"", "\r\n", "\n", "\r", "党", " ", "=", "'", "0"};
    const auto below = [&random](std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
    };
    for (int round = 0; round < 500; ++round) {
        Cells cells;
        for (std::size_t count = 1 + below(6); count > 0; --count) {
            std::string cell = "x"; // not a formula, and not an empty line
            for (std::size_t length = below(8); length > 0; --length) {
                cell += pieces[below(pieces.size())];
            }
            cells.push_back(cell);
        }
        const auto rows = rows_of(csv_line(cells));
        ASSERT_EQ(rows.size(), 1U);
        ASSERT_EQ(rows[0].cells, cells);
    }
}

} // namespace
} // namespace ukey
