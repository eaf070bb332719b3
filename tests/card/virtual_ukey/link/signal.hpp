// SPDX-License-Identifier: Apache-2.0
// "Something changed": coroutines of one thread wait for it, and re-check what they wait for.
#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ukey::virtual_card {

class Signal {
  public:
    explicit Signal(const boost::asio::any_io_executor& executor)
        : timer_(executor, boost::asio::steady_timer::time_point::max()) {}

    void notify_all() { timer_.cancel(); }

    boost::asio::awaitable<void> wait() {
        boost::system::error_code cancelled;
        co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }

  private:
    /// Never expires: cancelling it wakes every waiter.
    boost::asio::steady_timer timer_;
};

} // namespace ukey::virtual_card
