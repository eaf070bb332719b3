// SPDX-License-Identifier: Apache-2.0
// While the filter does work of its own, a thread that the application has cancelled (pthread_cancel(3)) goes
// on: the filter's system calls are cancellation points where the backend alone may have none, and what is
// half told must not stay so. A cancellation then acts in the backend's call or after it, as without the
// filter. No system call.
#pragma once

#include <pthread.h>

namespace ukey::filter {

class CancellationOff {
  public:
    CancellationOff() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    CancellationOff(const CancellationOff&) = delete; // it would be set back twice
    CancellationOff& operator=(const CancellationOff&) = delete;
    ~CancellationOff() { pthread_setcancelstate(before_, nullptr); }

  private:
    int before_ = PTHREAD_CANCEL_ENABLE;
};

} // namespace ukey::filter
