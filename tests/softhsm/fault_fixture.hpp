// SPDX-License-Identifier: Apache-2.0
// ukey-pkcs11.so in front of the module that fails on demand (fault_module.cpp).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <pthread.h>

#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {

/// A thread that a test can cancel, which a std::thread's own function does not survive.
class CancellableThread {
  public:
    explicit CancellableThread(std::function<void()> work);
    ~CancellableThread();
    CancellableThread(const CancellableThread&) = delete;
    CancellableThread& operator=(const CancellableThread&) = delete;

    void cancel() const { pthread_cancel(thread_); }
    /// Whether it ended by being cancelled.
    bool join_cancelled();

  private:
    static void* run(void* self);

    std::function<void()> work_;
    pthread_t thread_{};
    bool joined_ = false;
};

class FaultFilterTest : public FilterTest {
  protected:
    static constexpr CK_SLOT_ID fault_slot = 7;

    void SetUp() override;
    void TearDown() override;

    void behave(std::string_view behaviour);
    /// Waits until the module has noted this call.
    void await_call(char call);
    /// Ends one `wait_in_function_list`.
    void open_gate();

    CK_SESSION_HANDLE open_fault_session();

  private:
    int calls_ = -1;
};

} // namespace ukey::test
