// SPDX-License-Identifier: Apache-2.0
// No user can fill the ledger: reports per user and minute, and a count of what was left out.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

namespace ukey {

/// A window of one minute per user id. Time is the computer's uptime, so that a clock step changes nothing.
class RateLimit {
  public:
    explicit RateLimit(unsigned per_minute) : per_minute_(per_minute) {}

    /// From now on.
    void set_limit(unsigned per_minute) { per_minute_ = per_minute; }

    struct Decision {
        bool allowed = true;
        /// How many were left out in the window that has just ended; set once, by the first report after it.
        std::uint64_t left_out_before = 0;
    };

    Decision take(std::uint32_t uid, std::chrono::microseconds uptime) {
        Window& window = windows_[uid];
        Decision decision;
        if (uptime - window.begin >= std::chrono::minutes(1)) {
            decision.left_out_before = window.left_out;
            window = {.begin = uptime, .taken = 0, .left_out = 0};
        }
        decision.allowed = window.taken < per_minute_;
        ++(decision.allowed ? window.taken : window.left_out);
        return decision;
    }

    /// What was left out in windows that have ended, by user; they are forgotten. Without a time: in all.
    std::map<std::uint32_t, std::uint64_t> take_left_out(std::optional<std::chrono::microseconds> uptime) {
        std::map<std::uint32_t, std::uint64_t> left_out;
        std::erase_if(windows_, [&](const auto& entry) {
            const auto& [uid, window] = entry;
            const bool ended = !uptime || *uptime - window.begin >= std::chrono::minutes(1);
            if (ended && window.left_out > 0) {
                left_out[uid] = window.left_out;
            }
            return ended;
        });
        return left_out;
    }

  private:
    struct Window {
        std::chrono::microseconds begin{};
        std::uint64_t taken = 0;
        std::uint64_t left_out = 0;
    };
    unsigned per_minute_;
    std::map<std::uint32_t, Window> windows_;
};

} // namespace ukey
