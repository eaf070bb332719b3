// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/clock.hpp"

#include <ctime>
#include <optional>

#include <fmt/format.h>

namespace ukey {
namespace {

using namespace std::chrono;

/// China has one time zone and, since 1991, no summer time; GCC 12 has no time-zone database anyway.
constexpr hours china_offset{8};

microseconds read_clock(clockid_t clock) {
    timespec reading{};
    clock_gettime(clock, &reading);
    return seconds(reading.tv_sec) + duration_cast<microseconds>(nanoseconds(reading.tv_nsec));
}

/// Exactly `digits` decimal digits at the front of `text`, which are taken off it. A bundle has millions of
/// times: the number of digits is known when it is compiled.
template <std::size_t digits>
std::optional<int> take_number(std::string_view& text) {
    if (text.size() < digits) {
        return std::nullopt;
    }
    int value = 0;
    bool good = true;
    for (std::size_t place = 0; place < digits; ++place) {
        const int digit = text[place] - '0';
        good &= digit >= 0 && digit <= 9;
        value = value * 10 + digit;
    }
    if (!good) {
        return std::nullopt;
    }
    text.remove_prefix(digits);
    return value;
}

bool take_character(std::string_view& text, char character) {
    if (!text.starts_with(character)) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

std::optional<sys_days> take_date(std::string_view& text) {
    const auto year_number = take_number<4>(text);
    if (!year_number || !take_character(text, '-')) {
        return std::nullopt;
    }
    const auto month_number = take_number<2>(text);
    if (!month_number || !take_character(text, '-')) {
        return std::nullopt;
    }
    const auto day_number = take_number<2>(text);
    if (!day_number) {
        return std::nullopt;
    }
    const year_month_day date(year(*year_number), month(static_cast<unsigned>(*month_number)),
                              day(static_cast<unsigned>(*day_number)));
    return date.ok() ? std::optional(sys_days(date)) : std::nullopt;
}

/// A leap second (60) is refused: the system's clock never shows one.
std::optional<seconds> take_time_of_day(std::string_view& text) {
    const auto hour = take_number<2>(text);
    if (!hour || *hour > 23 || !take_character(text, ':')) {
        return std::nullopt;
    }
    const auto minute = take_number<2>(text);
    if (!minute || *minute > 59 || !take_character(text, ':')) {
        return std::nullopt;
    }
    const auto second = take_number<2>(text);
    if (!second || *second > 59) {
        return std::nullopt;
    }
    return hours(*hour) + minutes(*minute) + seconds(*second);
}

/// One to six decimals after a point, or nothing.
std::optional<microseconds> take_fraction(std::string_view& text) {
    if (!take_character(text, '.')) {
        return microseconds(0);
    }
    int value = 0;
    int place = 100'000;
    std::size_t digits = 0;
    while (const auto digit = take_number<1>(text)) {
        value += *digit * place;
        place /= 10;
        if (++digits > 6) {
            return std::nullopt;
        }
    }
    return digits > 0 ? std::optional(microseconds(value)) : std::nullopt;
}

std::optional<Timestamp> read_timestamp(std::string_view text) {
    const auto date = take_date(text);
    if (!date || !take_character(text, 'T')) {
        return std::nullopt;
    }
    const auto time_of_day = take_time_of_day(text);
    if (!time_of_day) {
        return std::nullopt;
    }
    const auto fraction = take_fraction(text);
    if (!fraction || text != "Z") {
        return std::nullopt;
    }
    return *date + *time_of_day + *fraction;
}

sys_days first_day(int year_number, unsigned month_number) {
    return sys_days(year_month_day(year(year_number), month(month_number), day(1)));
}

} // namespace

Timestamp SystemClock::now() const {
    return Timestamp(read_clock(CLOCK_REALTIME));
}

microseconds SystemClock::boottime() const {
    return read_clock(CLOCK_BOOTTIME);
}

std::string format_timestamp(Timestamp moment) {
    const sys_days midnight = floor<days>(moment);
    const year_month_day date(midnight);
    const hh_mm_ss time(moment - midnight);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", int(date.year()), unsigned(date.month()),
                       unsigned(date.day()), time.hours().count(), time.minutes().count(),
                       time.seconds().count(), time.subseconds().count());
}

Result<Timestamp> parse_timestamp(std::string_view text) {
    if (const auto moment = read_timestamp(text)) {
        return *moment;
    }
    return fail("time.malformed", "read a time", std::string(text),
                "not of the form 2026-04-01T08:30:00.123456Z");
}

std::string format_china_time(Timestamp moment) {
    const Timestamp local = moment + china_offset;
    const sys_days midnight = floor<days>(local);
    const year_month_day date(midnight);
    const hh_mm_ss time(floor<seconds>(local - midnight));
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", int(date.year()), unsigned(date.month()),
                       unsigned(date.day()), time.hours().count(), time.minutes().count(),
                       time.seconds().count());
}

Timestamp ChinaMonth::begin() const {
    return first_day(year, month) - china_offset;
}

Timestamp ChinaMonth::end() const {
    return month == 12 ? first_day(year + 1, 1) - china_offset : first_day(year, month + 1) - china_offset;
}

std::string ChinaMonth::text() const {
    return fmt::format("{:04}-{:02}", year, month);
}

Result<ChinaMonth> ChinaMonth::parse(std::string_view text) {
    std::string_view rest = text;
    const auto year_number = take_number<4>(rest);
    const bool dashed = take_character(rest, '-');
    const auto month_number = take_number<2>(rest);
    if (!year_number || !dashed || !month_number || !rest.empty() || *month_number < 1 ||
        *month_number > 12) {
        return fail("month.malformed", "read a month", std::string(text), "not of the form 2026-04");
    }
    return ChinaMonth{*year_number, static_cast<unsigned>(*month_number)};
}

ChinaMonth ChinaMonth::containing(Timestamp moment) {
    const year_month_day date(floor<days>(moment + china_offset));
    return {int(date.year()), unsigned(date.month())};
}

} // namespace ukey
