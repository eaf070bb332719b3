// SPDX-License-Identifier: Apache-2.0
#include "tools/report/month_export.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/ledger_sample.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace ukey;
using namespace ukey::ctl;
using ukey::test::LedgerSample;
using ukey::test::TemporaryFolder;

const std::string fingerprint(64, '7');

ChinaMonth month(const char* text) {
    return ChinaMonth::parse(text).value();
}

std::vector<std::string> texts(const std::vector<ChinaMonth>& months) {
    std::vector<std::string> all;
    for (const ChinaMonth& one : months) {
        all.push_back(one.text());
    }
    return all;
}

void touch(const std::string& path, std::string_view bytes = "") {
    std::ofstream(path, std::ios::binary) << bytes;
}

void complete(const TemporaryFolder& folder, const char* text) {
    const MonthFiles files = month_files(folder.path(), fingerprint, month(text));
    for (const std::string& path : {files.spreadsheet, files.page, files.bundle}) {
        touch(path);
    }
}

using Texts = std::vector<std::string>;

TEST(MonthExport, MonthBefore) {
    EXPECT_EQ(month_before(month("2026-03")).text(), "2026-02");
    EXPECT_EQ(month_before(month("2026-01")).text(), "2025-12");
}

TEST(MonthExport, TheMonthThatHasJustEndedInChina) {
    const TemporaryFolder folder;
    // The timer: half past midnight in China is the day before in UTC.
    const Timestamp timer = parse_timestamp("2026-04-30T16:30:00Z").value();
    EXPECT_EQ(texts(months_to_export(folder.path(), fingerprint, timer)), Texts{"2026-04"});
    const Timestamp before = parse_timestamp("2026-04-30T15:59:59Z").value();
    EXPECT_EQ(texts(months_to_export(folder.path(), fingerprint, before)), Texts{"2026-03"});
}

TEST(MonthExport, MakesUpForMonthsThatTheComputerWasOff) {
    const TemporaryFolder folder;
    const Timestamp now = parse_timestamp("2026-04-10T00:00:00Z").value();
    complete(folder, "2025-12");
    EXPECT_EQ(texts(months_to_export(folder.path(), fingerprint, now)),
              (Texts{"2026-01", "2026-02", "2026-03"}));
    complete(folder, "2026-02");
    EXPECT_EQ(texts(months_to_export(folder.path(), fingerprint, now)), Texts{"2026-03"});
    touch(month_files(folder.path(), fingerprint, month("2026-03")).page); // one of three
    EXPECT_EQ(texts(months_to_export(folder.path(), fingerprint, now)), Texts{"2026-03"});
    complete(folder, "2026-03");
    EXPECT_TRUE(months_to_export(folder.path(), fingerprint, now).empty());
}

TEST(MonthExport, OfAnotherComputerNothingIsTakenForOurs) {
    const TemporaryFolder folder;
    complete(folder, "2026-03");
    const Timestamp now = parse_timestamp("2026-04-10T00:00:00Z").value();
    EXPECT_EQ(texts(months_to_export(folder.path(), std::string(64, '8'), now)), Texts{"2026-03"});
}

TEST(MonthExport, ABundleBeginsWhereTheLastOneEnded) {
    const TemporaryFolder folder;
    const auto earlier = [&](const char* text) {
        return end_of_earlier_bundle(folder.path(), fingerprint, month(text));
    };
    EXPECT_EQ(earlier("2026-04"), 0U);
    const LedgerSample ledger(12);
    touch(month_files(folder.path(), fingerprint, month("2026-02")).bundle, ledger.bundle());
    EXPECT_EQ(earlier("2026-04"), 12U); // over the month that is missing
    EXPECT_EQ(earlier("2026-02"), 0U);
    touch(month_files(folder.path(), fingerprint, month("2026-03")).bundle, "no bundle");
    EXPECT_EQ(earlier("2026-04"), 12U);
}

} // namespace
