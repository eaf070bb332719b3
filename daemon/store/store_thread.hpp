// SPDX-License-Identifier: Apache-2.0
// The thread that owns the database: a durable commit or a long query must not make a login wait for the I/O
// thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/store/storage.hpp"

namespace ukey {

/// Jobs run in the order of the calls.
class StoreThread {
  public:
    explicit StoreThread(Storage storage) : storage_(std::move(storage)), thread_([this] { serve(); }) {}

    /// Finishes what is queued.
    ~StoreThread();
    StoreThread(const StoreThread&) = delete; // owns a thread
    StoreThread& operator=(const StoreThread&) = delete;
    StoreThread(StoreThread&&) = delete;
    StoreThread& operator=(StoreThread&&) = delete;

    /// Runs `job`, which takes the Storage and answers a Result, on the store thread, and continues the
    /// caller on its own executor. What it wrote is on disk then.
    template <typename Job>
    boost::asio::awaitable<std::invoke_result_t<Job&, Storage&>> run(Job job) {
        return submit(std::move(job), false);
    }

    /// The same for a short job that may come in numbers: all that it writes is one commit, which it shares
    /// with the jobs of this kind that wait beside it. When that commit fails, all of them have failed.
    template <typename Job>
    boost::asio::awaitable<std::invoke_result_t<Job&, Storage&>> run_together(Job job) {
        return submit(std::move(job), true);
    }

    /// On a thread whose Storage was opened to read: runs `look` on one state of the database
    /// (Storage::read). For what takes long: no login waits for it.
    template <typename Look>
    boost::asio::awaitable<std::invoke_result_t<Look&, Storage&>> read(Look look) {
        return run([look = std::move(look)](Storage& storage) mutable {
            return storage.read([&] { return look(storage); });
        });
    }

    /// For a job whose end nobody waits for.
    template <typename Job>
    void post(Job job) {
        add(std::make_unique<UnawaitedJob<Job>>(std::move(job)), false);
    }

  private:
    class Task {
      public:
        Task() = default;
        virtual ~Task() = default;
        Task(const Task&) = delete; // owned by the queue
        Task& operator=(const Task&) = delete;
        Task(Task&&) = delete;
        Task& operator=(Task&&) = delete;

        virtual void work(Storage& storage) = 0;
        /// The shared commit is over; not null: it failed, and what the jobs wrote is not on disk.
        virtual void finish(const Error* failure) = 0;
    };

    template <typename Job>
    class UnawaitedJob final : public Task {
      public:
        explicit UnawaitedJob(Job job) : job_(std::move(job)) {}
        void work(Storage& storage) override { job_(storage); }
        void finish(const Error* /*failure*/) override {}

      private:
        Job job_;
    };

    template <typename Job, typename Handler>
    class AwaitedJob final : public Task {
      public:
        using Answer = std::invoke_result_t<Job&, Storage&>;
        AwaitedJob(Job job, Handler handler)
            : job_(std::move(job)), handler_(std::move(handler)),
              caller_(boost::asio::make_work_guard(handler_)) {}

        void work(Storage& storage) override {
            try {
                answer_ = job_(storage);
            } catch (...) {
                exception_ = std::current_exception(); // it is the caller's
            }
        }

        void finish(const Error* failure) override {
            if (failure != nullptr) { // also when it only read: it may have read what is not there now
                answer_ = tl::unexpected(*failure);
            }
            boost::asio::post(
                caller_.get_executor(),
                [handler = std::move(handler_), answer = std::move(answer_),
                 exception = exception_]() mutable { std::move(handler)(exception, std::move(answer)); });
        }

      private:
        Job job_;
        Handler handler_;
        boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler>> caller_;
        Answer answer_ = tl::unexpected(Error{"internal.error", "use the database", "", "it was not asked"});
        std::exception_ptr exception_;
    };

    struct Entry {
        std::unique_ptr<Task> task;
        bool together;
    };

    template <typename Job>
    boost::asio::awaitable<std::invoke_result_t<Job&, Storage&>> submit(Job job, bool together) {
        using Answer = std::invoke_result_t<Job&, Storage&>;
        const auto initiate = [this, together](auto handler, Job work) {
            using Handler = decltype(handler);
            add(std::make_unique<AwaitedJob<Job, Handler>>(std::move(work), std::move(handler)), together);
        };
        co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                       void(std::exception_ptr, Answer)>(
            initiate, boost::asio::use_awaitable, std::move(job));
    }

    void add(std::unique_ptr<Task> task, bool together);
    void serve();
    std::vector<Entry> take_batch();
    void run_batch(const std::vector<Entry>& batch);

    Storage storage_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Entry> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace ukey
