// SPDX-License-Identifier: Apache-2.0
// The paper that goes with a key that is sent back, and the report of its diagnosis; for any other verdict
// the report alone, which says that the key stays. HTML that prints on A4, XLSX, or the diagnosis as JSON.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/configuration.hpp"
#include "tools/diagnosis/diagnosis.hpp"

namespace ukey::ctl {

struct SlipLine {
    std::string label;
    std::string value; ///< empty: to be filled in by hand
};

struct SlipSection {
    std::string title;
    std::vector<SlipLine> lines;
};

/// What is on the paper, in the reader's language.
struct Slip {
    bool goes_back = false; ///< a return slip; else a report alone
    std::string title;
    std::string headline;
    std::vector<std::string> reasons; ///< messages, and what other computers or keys have to do with it
    std::vector<SlipSection> sections;
};

/// `organisation` is the shape Organisation of docs/formats/channels.md §4; empty: not known, or not for this
/// user to see.
Slip make_slip(const Diagnosis& diagnosis, std::span<const Evidence> previous, const ReturnAddress& address,
               const boost::json::object& organisation);

/// Error `usage.arguments`: another ending than .html, .xlsx or .json, or not one diagnosis. An empty path is
/// none.
Outcome<void> check_slip(const std::string& path, std::size_t diagnoses);

/// By the ending of the path, which check_slip() has looked at. Error `file.unwritable`.
Outcome<void> write_slip(const std::string& path, const Slip& slip, const Diagnosis& diagnosis);

/// The formats by themselves.
Outcome<void> write_slip_html(const std::string& path, const Slip& slip, const Diagnosis& diagnosis);
Outcome<void> write_slip_xlsx(const std::string& path, const Slip& slip, const Diagnosis& diagnosis);

} // namespace ukey::ctl
