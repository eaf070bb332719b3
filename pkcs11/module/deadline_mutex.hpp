// SPDX-License-Identifier: Apache-2.0
// A mutex that is waited for no longer than a deadline. For std::unique_lock. (std::timed_mutex would do;
// ThreadSanitizer of GCC 12 does not see its pthread_mutex_clocklock.)
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace ukey::filter {

class DeadlineMutex {
  public:
    bool try_lock() { return try_lock_until(std::chrono::steady_clock::time_point::min()); }

    bool try_lock_until(std::chrono::steady_clock::time_point deadline) {
        std::unique_lock lock(mutex_);
        while (held_) {
            if (std::chrono::steady_clock::now() >= deadline) {
                return false;
            }
            released_.wait_until(lock, deadline);
        }
        held_ = true;
        return true;
    }

    void unlock() {
        {
            const std::lock_guard lock(mutex_);
            held_ = false;
        }
        released_.notify_one();
    }

  private:
    std::mutex mutex_; ///< held for a moment only
    std::condition_variable released_;
    bool held_ = false;
};

} // namespace ukey::filter
