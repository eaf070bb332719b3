// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/china_date.hpp"

#include <fmt/format.h>

namespace ukey {
namespace {

using namespace std::chrono;

/// China has one time zone and, since 1991, no summer time (clock.cpp).
constexpr hours china_offset{8};

} // namespace

Timestamp ChinaDate::begin() const {
    return sys_days(
               year_month_day(std::chrono::year(year), std::chrono::month(month), std::chrono::day(day))) -
           china_offset;
}

std::string ChinaDate::text() const {
    return fmt::format("{:04}-{:02}-{:02}", year, month, day);
}

Result<ChinaDate> ChinaDate::parse(std::string_view text) {
    // The form and the calendar are those of a time's date; the length leaves room for nothing else.
    constexpr std::size_t length = std::string_view("2026-04-01").size();
    const auto midnight = parse_timestamp(std::string(text) + "T00:00:00Z");
    if (text.size() != length || !midnight) {
        return fail("date.malformed", "read a date", std::string(text), "not of the form 2026-04-01");
    }
    return containing(*midnight - china_offset);
}

ChinaDate ChinaDate::containing(Timestamp moment) {
    const year_month_day date(floor<days>(moment + china_offset));
    return {int(date.year()), unsigned(date.month()), unsigned(date.day())};
}

std::string text_or_empty(const std::optional<ChinaDate>& date) {
    return date ? date->text() : std::string();
}

std::optional<ChinaDate> parse_optional_date(std::string_view text) {
    if (text.empty()) { // most are: no error need be made of it
        return std::nullopt;
    }
    const auto date = ChinaDate::parse(text);
    return date ? std::optional(*date) : std::nullopt;
}

} // namespace ukey
