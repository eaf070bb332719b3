// SPDX-License-Identifier: Apache-2.0
// The thread that owns the database: a durable commit or a long query must not make a login wait for the I/O
// thread.
#pragma once

#include <thread>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/store/storage.hpp"

namespace ukey {

class StoreThread {
  public:
    explicit StoreThread(Storage storage)
        : storage_(std::move(storage)), work_(boost::asio::make_work_guard(context_)),
          thread_([this] { context_.run(); }) {}

    /// Finishes what is queued.
    ~StoreThread() {
        work_.reset();
        thread_.join();
    }
    StoreThread(const StoreThread&) = delete; // owns a thread
    StoreThread& operator=(const StoreThread&) = delete;
    StoreThread(StoreThread&&) = delete;
    StoreThread& operator=(StoreThread&&) = delete;

    /// Runs `job` on the store thread, in the order of the calls, and continues the caller on its own
    /// executor.
    template <typename Job>
    boost::asio::awaitable<std::invoke_result_t<Job&, Storage&>> run(Job job) {
        using Answer = std::invoke_result_t<Job&, Storage&>;
        co_return co_await boost::asio::co_spawn(
            context_,
            [this, work = std::move(job)]() mutable -> boost::asio::awaitable<Answer> {
                co_return work(storage_);
            },
            boost::asio::use_awaitable);
    }

    /// The same for a job whose end nobody waits for: it wakes no other thread.
    template <typename Job>
    void post(Job job) {
        boost::asio::post(context_, [this, work = std::move(job)] { work(storage_); });
    }

  private:
    Storage storage_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

} // namespace ukey
