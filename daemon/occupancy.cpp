// SPDX-License-Identifier: Apache-2.0
#include "daemon/occupancy.hpp"

#include <utmpx.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string_view>

namespace ukey {
namespace {

struct LogEntry {
    short type;
    Timestamp time;
    std::string line;
    std::string user;
};

template <std::size_t size>
std::string text_of(const char (&field)[size]) {
    return std::string(field, std::find(field, field + size, '\0'));
}

/// The entries of one log in its order; nullopt: it cannot be read.
std::optional<std::vector<LogEntry>> read_log(const std::string& path) {
    // Not by getutxent(3), which keeps its place for the whole process and fills in the present time zone.
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        return std::nullopt;
    }
    std::vector<LogEntry> entries;
    utmpx raw{};
    while (stream.read(reinterpret_cast<char*>(&raw), sizeof raw)) {
        const auto since_1970 =
            std::chrono::seconds(raw.ut_tv.tv_sec) + std::chrono::microseconds(raw.ut_tv.tv_usec);
        entries.push_back({raw.ut_type, Timestamp(since_1970), text_of(raw.ut_line), text_of(raw.ut_user)});
    }
    return entries;
}

/// Follows the log: who is logged in, and since when anybody has been.
class Occupancy {
  public:
    explicit Occupancy(TimeSpan between) : between_(between) {}

    void add(const LogEntry& entry);
    std::vector<TimeSpan> finish();

  private:
    void leave(Timestamp moment);

    TimeSpan between_;
    std::set<std::string> lines_; ///< terminals with somebody logged in
    std::optional<Timestamp> since_;
    std::vector<TimeSpan> spans_;
};

void Occupancy::leave(Timestamp moment) {
    lines_.clear();
    if (!since_) {
        return;
    }
    const TimeSpan within{std::max(*since_, between_.from), std::min(moment, between_.to)};
    if (within.from < within.to) {
        spans_.push_back(within);
    }
    since_.reset();
}

void Occupancy::add(const LogEntry& entry) {
    switch (entry.type) {
    case BOOT_TIME: // nobody is left from before; without a shutdown before it, it had lost its power
        leave(std::min(entry.time, between_.from + power_loss_seen_within));
        break;
    case RUN_LVL:
        if (entry.user == "shutdown") {
            leave(entry.time);
        }
        break;
    case USER_PROCESS:
        lines_.insert(entry.line);
        since_ = since_.value_or(entry.time);
        break;
    case DEAD_PROCESS:
        lines_.erase(entry.line);
        if (lines_.empty()) {
            leave(entry.time);
        }
        break;
    default:
        break;
    }
}

std::vector<TimeSpan> Occupancy::finish() {
    leave(between_.to);
    return std::move(spans_);
}

} // namespace

std::optional<std::vector<TimeSpan>> occupied_times(const std::vector<std::string>& logs, TimeSpan between) {
    std::vector<LogEntry> entries;
    bool is_known = false;
    for (const std::string& path : logs) {
        if (const auto read = read_log(path)) {
            is_known = true;
            entries.insert(entries.end(), read->begin(), read->end());
        }
    }
    if (!is_known || entries.empty()) {
        return std::nullopt;
    }
    Occupancy occupancy(between);
    if (between.from < entries.front().time) {
        occupancy.add({USER_PROCESS, between.from, {}, {}}); // nothing is known of that time
        occupancy.add({DEAD_PROCESS, entries.front().time, {}, {}});
    }
    for (const LogEntry& entry : entries) {
        occupancy.add(entry);
    }
    return occupancy.finish();
}

std::optional<std::vector<TimeSpan>> occupied_times(TimeSpan between) {
    return occupied_times({"/var/log/wtmp.1", "/var/log/wtmp"}, between); // as Debian's logrotate names them
}

} // namespace ukey
