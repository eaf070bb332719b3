// SPDX-License-Identifier: Apache-2.0
// The files of a month that has ended, in a folder: spreadsheet, HTML report and bundle. A file that is there
// stays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/core/clock.hpp"

namespace ukey::ctl {

/// The month before.
ChinaMonth month_before(const ChinaMonth& month);

/// Names of a month's files; a workstation's own, so that an office can put those of many into one folder.
struct MonthFiles {
    std::string spreadsheet; ///< DIR/ukey-2026-04-0123abcd.xlsx
    std::string page;        ///< … .html
    std::string bundle;      ///< … .bundle

    bool has_bundle() const;
    /// All three are there.
    bool complete() const;
};
MonthFiles month_files(const std::string& folder, const std::string& fingerprint, const ChinaMonth& month);

/// How far back a computer that was off for long makes up for what it missed.
constexpr unsigned months_made_up_max = 12;

/// The months whose files are to be written, oldest first: the last one that has ended by `now`, and those
/// before it back to one whose files are all there. Only the last one, when there is none such in
/// months_made_up_max. Empty: nothing is to be done.
std::vector<ChinaMonth> months_to_export(const std::string& folder, const std::string& fingerprint,
                                         Timestamp now);

/// Where the workstation's newest bundle in the folder before `month` ends, so that the next can begin there;
/// 0: there is none that can be read.
std::uint64_t end_of_earlier_bundle(const std::string& folder, const std::string& fingerprint,
                                    const ChinaMonth& month);

} // namespace ukey::ctl
