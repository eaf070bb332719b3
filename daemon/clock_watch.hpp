// SPDX-License-Identifier: Apache-2.0
// Notices that the computer has slept and that its clock was set, without polling.
#pragma once

#include <chrono>
#include <functional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "daemon/core/result.hpp"

namespace ukey {

struct ClockChange {
    /// Growth of CLOCK_BOOTTIME over CLOCK_MONOTONIC: time asleep. 0 when the computer did not sleep.
    std::chrono::microseconds slept{0};
    /// By how much CLOCK_REALTIME was set forward (negative: back). 0 when it was not.
    std::chrono::microseconds stepped{0};
};

/// The kernel cancels a timer on CLOCK_REALTIME when that clock is set or the computer resumes
/// (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET); until then nothing happens. I/O thread only.
class ClockWatch {
  public:
    explicit ClockWatch(const boost::asio::any_io_executor& executor) : timer_(executor) {}

    /// Error `internal.error`: the kernel gives no such timer.
    Result<void> open();
    /// Calls `changed` for each sleep and step, until close().
    boost::asio::awaitable<void> serve(std::function<boost::asio::awaitable<void>(ClockChange)> changed);
    void close();

    /// To be called now and then: NTP slews the clock all the time, and slewing is no step.
    void take_bearings();

  private:
    struct Bearings {
        std::chrono::microseconds realtime{0};
        std::chrono::microseconds boottime{0};
        std::chrono::microseconds monotonic{0};
    };
    static Bearings read_clocks();
    bool arm();

    boost::asio::posix::stream_descriptor timer_;
    Bearings bearings_;
};

} // namespace ukey
