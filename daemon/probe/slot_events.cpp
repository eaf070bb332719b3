// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/slot_events.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <utility>

#include "pkcs11/client/call_error.hpp"

namespace ukey::probe {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A module without slot events says so at once; one that has them blocks.
constexpr auto refusal_patience = 50ms;
/// A wait that returns sooner than this did not block: a storm in the making, and the pause before the next
/// one doubles. People plug and unplug within a second, and must not be taken for one.
constexpr auto storm_wait = 20ms;
constexpr auto storm_pause_first = 50ms;
constexpr auto storm_pause_max = 2s;
/// A wait that fails (pcscd restarted, for instance) is tried again with this, doubling.
constexpr auto failure_pause_first = 1s;
constexpr auto failure_pause_max = 60s;

bool is_refusal(const Error& error) {
    return pkcs11::failed_with(error, "CKR_FUNCTION_NOT_SUPPORTED") ||
           pkcs11::failed_with(error, "CKR_ARGUMENTS_BAD") || pkcs11::failed_with(error, "CKR_NO_EVENT");
}

/// A time that doubles up to a bound.
class Doubling {
  public:
    Doubling(std::chrono::milliseconds first, std::chrono::milliseconds max)
        : first_(first), max_(max), next_(first) {}
    std::chrono::milliseconds take() { return std::exchange(next_, std::min(next_ * 2, max_)); }
    void reset() { next_ = first_; }

  private:
    std::chrono::milliseconds first_;
    std::chrono::milliseconds max_;
    std::chrono::milliseconds next_;
};

} // namespace

SlotEvents::SlotEvents(std::shared_ptr<pkcs11::Module> module)
    : module_(std::move(module)), event_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (event_descriptor_ < 0) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    if (module_->thread_safe()) {
        phase_ = Phase::waiting_first;
        thread_ = std::thread([this] { run(); });
        pthread_setname_np(thread_.native_handle(), "slot-events"); // for top, and for counting its wake-ups
    }
}

SlotEvents::~SlotEvents() {
    if (thread_.joinable()) {
        thread_.join();
    }
    close(event_descriptor_);
}

bool SlotEvents::supported() {
    std::unique_lock lock(mutex_);
    if (phase_ == Phase::not_started) {
        return false;
    }
    changed_.wait_for(lock, refusal_patience, [this] { return phase_ != Phase::waiting_first; });
    return !refused_;
}

NamedSlots SlotEvents::take() {
    std::uint64_t count = 0;
    // The count does not matter; reading makes the descriptor unreadable again.
    [[maybe_unused]] const ssize_t got = read(event_descriptor_, &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(slots_, {});
}

void SlotEvents::settled() {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::reported) {
        phase_ = Phase::waiting;
        changed_.notify_all();
    }
}

bool SlotEvents::failing() {
    const std::lock_guard lock(mutex_);
    return failing_;
}

bool SlotEvents::join_for(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    const bool finished = changed_.wait_for(
        lock, patience, [this] { return phase_ == Phase::finished || phase_ == Phase::not_started; });
    lock.unlock();
    if (finished && thread_.joinable()) {
        thread_.join();
    } else if (thread_.joinable()) {
        thread_.detach();
    }
    return finished;
}

void SlotEvents::run() {
    Doubling storm(storm_pause_first, storm_pause_max);
    Doubling failure(failure_pause_first, failure_pause_max);
    bool go_on = true;
    while (go_on) {
        const auto wait_began = Clock::now();
        const Result<pkcs11::SlotId> event = module_->wait_for_slot_event();
        const bool at_once = Clock::now() - wait_began < storm_wait;
        go_on = report(event);
        if (!go_on) {
            break;
        }
        std::chrono::milliseconds before_next = 0ms;
        if (!event) {
            before_next = failure.take();
        } else {
            failure.reset();
            if (at_once) {
                before_next = storm.take();
            } else {
                storm.reset();
            }
        }
        go_on = pause(before_next);
    }
    const std::lock_guard lock(mutex_);
    phase_ = Phase::finished;
    changed_.notify_all();
}

/// Tells the main thread and waits until it has looked. False when waiting has come to its end.
bool SlotEvents::report(const Result<pkcs11::SlotId>& event) {
    std::unique_lock lock(mutex_);
    if (stop_ || (!event && pkcs11::failed_with(event.error(), "CKR_CRYPTOKI_NOT_INITIALIZED"))) {
        return false;
    }
    if (!event && is_refusal(event.error())) {
        refused_ = true;
        return false;
    }
    const bool failed_before = std::exchange(failing_, !event);
    if (event) {
        slots_[*event] = Clock::now();
    } else if (failed_before) {
        return true; // Said and looked at once; until it works again there is nothing new.
    } else {
        std::fprintf(stderr, "ukey-probe: %s\n", to_string(event.error()).c_str());
    }
    phase_ = Phase::reported;
    changed_.notify_all();
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_descriptor_, &one, sizeof one);
    changed_.wait(lock, [this] { return stop_ || phase_ != Phase::reported; });
    return !stop_;
}

bool SlotEvents::pause(std::chrono::milliseconds duration) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, duration, [this] { return stop_; });
}

} // namespace ukey::probe
