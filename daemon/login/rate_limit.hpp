// SPDX-License-Identifier: Apache-2.0
// No user can fill the ledger: reports per user and minute, hour and day, and a count of what was left out.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace ukey {

/// Windows of one minute, one hour and one day per user id. Time is the computer's uptime, so that a clock
/// step changes nothing.
class RateLimit {
  public:
    /// A minute's burst is no day's habit: a person logs in some dozens of times a day, a script that signs
    /// in a loop some thousands. With 600 a minute these are 3,000 an hour and 9,600 a day: 70 MB of database
    /// at worst.
    static constexpr std::uint64_t minutes_worth_per_hour = 5;
    static constexpr std::uint64_t minutes_worth_per_day = 16;

    explicit RateLimit(unsigned per_minute) : per_minute_(per_minute) {}

    /// From now on.
    void set_limit(unsigned per_minute) { per_minute_ = per_minute; }

    struct Decision {
        bool allowed = true;
        /// How many were left out in the minutes that have ended; set by the first report after one.
        std::uint64_t left_out_before = 0;
    };

    Decision take(std::uint32_t uid, std::chrono::microseconds uptime) {
        User& user = users_[uid];
        Decision decision;
        if (user.minute.begin_anew(uptime, std::chrono::minutes(1))) {
            user.untold += std::exchange(user.left_out, 0);
            decision.left_out_before = std::exchange(user.untold, 0);
        }
        user.hour.begin_anew(uptime, std::chrono::hours(1));
        user.day.begin_anew(uptime, std::chrono::days(1));
        decision.allowed = user.minute.taken < per_minute_ &&
                           user.hour.taken < per_minute_ * minutes_worth_per_hour &&
                           user.day.taken < per_minute_ * minutes_worth_per_day;
        if (!decision.allowed) {
            ++user.left_out;
            return decision;
        }
        ++user.minute.taken;
        ++user.hour.taken;
        ++user.day.taken;
        return decision;
    }

    /// What was left out in minutes that have ended, by user; it counts as told then. Without a time: in all.
    std::map<std::uint32_t, std::uint64_t> take_left_out(std::optional<std::chrono::microseconds> uptime) {
        std::map<std::uint32_t, std::uint64_t> left_out;
        for (auto& [uid, user] : users_) {
            if (!uptime || user.minute.has_ended(*uptime, std::chrono::minutes(1))) {
                user.untold += std::exchange(user.left_out, 0);
                if (user.untold > 0) {
                    left_out[uid] = std::exchange(user.untold, 0);
                }
            }
        }
        std::erase_if(users_, [&](const auto& entry) {
            const User& user = entry.second;
            return !uptime || (user.day.has_ended(*uptime, std::chrono::days(1)) &&
                               user.minute.has_ended(*uptime, std::chrono::minutes(1)));
        });
        return left_out;
    }

    /// What was to be told could not be: it is told with what is left out next.
    void put_back(std::uint32_t uid, std::uint64_t left_out) { users_[uid].untold += left_out; }

  private:
    struct Window {
        std::optional<std::chrono::microseconds> begin; ///< uptime; none before the first report
        std::uint64_t taken = 0;

        bool has_ended(std::chrono::microseconds uptime, std::chrono::microseconds length) const {
            return !begin || uptime - *begin >= length;
        }
        /// True when it had ended.
        bool begin_anew(std::chrono::microseconds uptime, std::chrono::microseconds length) {
            if (!has_ended(uptime, length)) {
                return false;
            }
            *this = {.begin = uptime, .taken = 0};
            return true;
        }
    };
    struct User {
        Window minute;
        Window hour;
        Window day;
        std::uint64_t left_out = 0; ///< in this minute
        std::uint64_t untold = 0;   ///< in earlier ones
    };
    unsigned per_minute_;
    std::map<std::uint32_t, User> users_;
};

} // namespace ukey
