// SPDX-License-Identifier: Apache-2.0
// Time: one injected clock, UTC in storage, China time for months.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/core/result.hpp"

namespace ukey {

/// A moment in UTC with microseconds.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// From a moment to a later one, the end not included.
struct TimeSpan {
    Timestamp from{};
    Timestamp to{};

    bool operator==(const TimeSpan&) const = default;
};

/// Where time comes from. The daemon has the system's, tests have one that they set.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
    /// Time since the computer was started, time asleep included (CLOCK_BOOTTIME).
    virtual std::chrono::microseconds boottime() const = 0;
};

class SystemClock final : public Clock {
  public:
    Timestamp now() const override;
    std::chrono::microseconds boottime() const override;
};

/// RFC 3339 in UTC with six decimals: "2026-04-01T08:30:00.123456Z".
std::string format_timestamp(Timestamp moment);

/// The inverse of format_timestamp; also accepts fewer or no decimals. Error `time.malformed`.
Result<Timestamp> parse_timestamp(std::string_view text);

/// "2026-04-01 16:30:00" in China time, for people.
std::string format_china_time(Timestamp moment);

/// A calendar month in China time (UTC+8, no summer time since 1991). The notice counts by such months.
struct ChinaMonth {
    int year = 0;
    unsigned month = 0;

    bool operator==(const ChinaMonth&) const = default;

    /// First moment of the month, and first moment of the next one.
    Timestamp begin() const;
    Timestamp end() const;
    /// "2026-04".
    std::string text() const;

    /// Error `month.malformed`.
    static Result<ChinaMonth> parse(std::string_view text);
    static ChinaMonth containing(Timestamp moment);
};

} // namespace ukey
