// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/store_thread.hpp"

namespace ukey {
namespace {

/// Jobs that share one commit: more would not be faster, and would make the first of them wait.
constexpr std::size_t batch_max = 64;

} // namespace

StoreThread::~StoreThread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void StoreThread::add(std::unique_ptr<Task> task, bool together) {
    {
        const std::lock_guard lock(mutex_);
        queue_.push_back({std::move(task), together});
    }
    changed_.notify_one();
}

void StoreThread::serve() {
    for (;;) {
        const std::vector<Entry> batch = take_batch();
        if (batch.empty()) {
            return;
        }
        run_batch(batch);
    }
}

/// Waits for work; empty when there is to be no more.
std::vector<StoreThread::Entry> StoreThread::take_batch() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    std::vector<Entry> batch;
    while (!queue_.empty() && batch.size() < batch_max &&
           (batch.empty() || (batch.front().together && queue_.front().together))) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return batch;
}

void StoreThread::run_batch(const std::vector<Entry>& batch) {
    Result<void> committed;
    if (!batch.front().together) {
        batch.front().task->work(storage_);
    } else {
        storage_.begin_together();
        for (const Entry& entry : batch) {
            entry.task->work(storage_);
        }
        committed = storage_.end_together();
    }
    for (const Entry& entry : batch) {
        entry.task->finish(committed ? nullptr : &committed.error());
    }
}

} // namespace ukey
