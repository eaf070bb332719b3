// SPDX-License-Identifier: Apache-2.0
// A mutex that answers a thread which already holds it, instead of stopping it for ever: a backend that loads
// PKCS#11 modules of its own (p11-kit-proxy) may lead back to the filter.
#pragma once

#include <pthread.h>

namespace ukey::filter {

class RefusingMutex {
  public:
    constexpr RefusingMutex() = default;
    RefusingMutex(const RefusingMutex&) = delete;
    RefusingMutex& operator=(const RefusingMutex&) = delete;
    ~RefusingMutex() = default; // nothing to release on Linux, and a thread may hold it at exit

    pthread_mutex_t* native() { return &mutex_; }

  private:
    pthread_mutex_t mutex_ = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
};

class RefusingLock {
  public:
    explicit RefusingLock(RefusingMutex& mutex)
        : mutex_(mutex.native()), held_(pthread_mutex_lock(mutex_) == 0) {}
    RefusingLock(const RefusingLock&) = delete;
    RefusingLock& operator=(const RefusingLock&) = delete;
    ~RefusingLock() {
        if (held_) {
            pthread_mutex_unlock(mutex_);
        }
    }

    /// False when this thread holds it further up.
    bool held() const { return held_; }

  private:
    pthread_mutex_t* mutex_;
    bool held_;
};

} // namespace ukey::filter
