// SPDX-License-Identifier: Apache-2.0
// The thread that sits in C_WaitForSlotEvent and wakes the main loop (PKCS#11 2.40 §5.5).
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "pkcs11/client/module.hpp"

namespace ukey::probe {

/// Slots that an event named, each with the time of the latest.
using NamedSlots = std::map<pkcs11::SlotId, std::chrono::steady_clock::time_point>;

/// Created, used and destroyed by the main thread.
class SlotEvents {
  public:
    /// Starts the thread, unless the module is not thread-safe.
    explicit SlotEvents(std::shared_ptr<pkcs11::Module> module);
    /// join_for() must have returned true.
    ~SlotEvents();
    SlotEvents(const SlotEvents&) = delete; // the thread refers to it
    SlotEvents& operator=(const SlotEvents&) = delete;

    /// Whether the module has slot events. One that has none refuses at once: that long is waited for.
    bool supported();

    /// Readable (poll) when there is something to take().
    int descriptor() const { return event_descriptor_; }

    /// The slots with something new since the last call, and when the module told of it; none when all are to
    /// be asked whether what they hold is still the same. The thread waits for an event's take() and
    /// settled() before it asks for the next one: a module that storms is asked at a bounded rate.
    NamedSlots take();

    /// The slots have been looked at.
    void settled();

    /// The last wait failed, and the next one has not come back yet: nobody tells what happens in the slots.
    bool failing();

    /// After Module::finalize(): whether the thread came back within this time. If not, the process must
    /// _exit().
    bool join_for(std::chrono::milliseconds patience);

  private:
    enum class Phase {
        not_started,
        waiting_first, ///< in the very first C_WaitForSlotEvent
        waiting,
        reported, ///< an event is to be taken and settled
        finished,
    };

    void run();
    bool report(const Result<pkcs11::SlotId>& event);
    bool pause(std::chrono::milliseconds duration);

    std::shared_ptr<pkcs11::Module> module_;
    int event_descriptor_;
    std::mutex mutex_;
    std::condition_variable changed_;
    NamedSlots slots_;
    Phase phase_ = Phase::not_started;
    bool refused_ = false;
    bool failing_ = false; ///< the last wait failed
    bool stop_ = false;
    std::thread thread_;
};

} // namespace ukey::probe
