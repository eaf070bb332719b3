// SPDX-License-Identifier: Apache-2.0
// Calendar dates in China time, as registers write them.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/core/clock.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// A day in China time (UTC+8).
struct ChinaDate {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;

    auto operator<=>(const ChinaDate&) const = default;

    /// The day's first moment.
    Timestamp begin() const;
    /// "2026-04-01".
    std::string text() const;

    /// "2026-04-01"; error `date.malformed`.
    static Result<ChinaDate> parse(std::string_view text);
    static ChinaDate containing(Timestamp moment);
};

/// As tables have it that know no absent value: empty for no date, and for what is none.
std::string text_or_empty(const std::optional<ChinaDate>& date);
std::optional<ChinaDate> parse_optional_date(std::string_view text);

} // namespace ukey
