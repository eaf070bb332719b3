// SPDX-License-Identifier: Apache-2.0
#include "daemon/clock_watch.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <limits>
#include <system_error>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ukey {
namespace {

namespace asio = boost::asio;
using std::chrono::microseconds;

/// Less than this between two looks is slewing, or the time between reading two clocks.
constexpr microseconds shortest_step = std::chrono::milliseconds(500);
constexpr microseconds shortest_sleep = std::chrono::milliseconds(100);

microseconds read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + microseconds(time.tv_nsec / 1000);
}

} // namespace

ClockWatch::Bearings ClockWatch::read_clocks() {
    return {read_clock(CLOCK_REALTIME), read_clock(CLOCK_BOOTTIME), read_clock(CLOCK_MONOTONIC)};
}

void ClockWatch::take_bearings() {
    bearings_ = read_clocks();
}

Result<void> ClockWatch::open() {
    const int descriptor = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (descriptor >= 0) {
        timer_.assign(descriptor);
    }
    if (descriptor < 0 || !arm()) {
        return fail("internal.error", "watch the clock", "timerfd",
                    std::error_code(errno, std::generic_category()).message());
    }
    take_bearings();
    return {};
}

/// For a moment that never comes: only its being cancelled is of interest.
bool ClockWatch::arm() {
    itimerspec never{};
    never.it_value.tv_sec = std::numeric_limits<std::int32_t>::max() * std::int64_t{4};
    return timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                           nullptr) == 0;
}

asio::awaitable<void> ClockWatch::serve(std::function<asio::awaitable<void>(ClockChange)> changed) {
    while (timer_.is_open()) {
        boost::system::error_code error;
        co_await timer_.async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            co_return;
        }
        std::uint64_t expirations = 0;
        // ECANCELED is the news; reading it clears it.
        [[maybe_unused]] const ssize_t bytes =
            ::read(timer_.native_handle(), &expirations, sizeof expirations);
        if (!arm()) {
            co_return;
        }
        const Bearings before = bearings_;
        take_bearings();
        const microseconds awake = bearings_.monotonic - before.monotonic;
        const microseconds passed = bearings_.boottime - before.boottime;
        ClockChange change{.slept = passed - awake, .stepped = bearings_.realtime - before.realtime - passed};
        if (change.slept < shortest_sleep) {
            change.slept = microseconds(0);
        }
        if (std::chrono::abs(change.stepped) < shortest_step) {
            change.stepped = microseconds(0);
        }
        if (change.slept.count() != 0 || change.stepped.count() != 0) {
            co_await changed(change);
        }
    }
}

void ClockWatch::close() {
    boost::system::error_code ignored; // closing what is closed already is no failure
    timer_.close(ignored);
}

} // namespace ukey
