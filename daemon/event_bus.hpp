// SPDX-License-Identifier: Apache-2.0
// What happens, told to everyone who watches.
#pragma once

#include <functional>
#include <map>
#include <string>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"

namespace ukey {

/// I/O thread only. A watcher gets each event as the object Event of docs/formats/channels.md §4.
class EventBus {
  public:
    using Watcher = std::function<void(const boost::json::object&)>;

    explicit EventBus(const Clock& clock) : clock_(&clock) {}

    int subscribe(Watcher watcher) {
        watchers_.emplace(++last_, std::move(watcher));
        return last_;
    }
    void unsubscribe(int watcher) { watchers_.erase(watcher); }

    /// Adds type, time and subject to `details` and tells it.
    void publish(std::string_view type, std::string_view subject, boost::json::object details) {
        if (watchers_.empty()) {
            return;
        }
        details["type"] = type;
        details["time"] = format_timestamp(clock_->now());
        details["subject"] = subject;
        for (const auto& [number, watcher] : watchers_) {
            watcher(details);
        }
    }

  private:
    const Clock* clock_;
    int last_ = 0;
    std::map<int, Watcher> watchers_;
};

} // namespace ukey
