// SPDX-License-Identifier: Apache-2.0
// How often the private key of a logged-in slot was used. Lock-free; relaxed atomics on the way of C_Sign.
// Logins of one slot are begun and ended by one thread at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "pkcs11/module/bounds.hpp"
#include "pkcs11/module/session_tracker.hpp"

namespace ukey::filter {

class UseCounter {
  public:
    constexpr UseCounter() = default;

    /// A login of the slot begins; its uses count from 0. Its number.
    std::uint64_t begin(SlotIndex slot) noexcept;
    /// It ends; the number of its uses.
    std::uint64_t end(SlotIndex slot) noexcept;

    bool any_open() const noexcept { return open_slots() != 0; }
    /// A bit for each slot with a login.
    std::uint64_t open_slots() const noexcept { return open_.load(std::memory_order_relaxed); }
    /// Which login of the slot it is: tells a login from the next one.
    std::uint64_t number(SlotIndex slot) const noexcept {
        return cells_[slot].number.load(std::memory_order_relaxed);
    }
    bool is_open(SlotIndex slot) const noexcept { return (open_slots() & bit(slot)) != 0; }
    /// The uses so far of the slot's login with this number; nullopt when that has ended.
    std::optional<std::uint64_t> uses(SlotIndex slot, std::uint64_t number) const noexcept;

    /// One use. True when the daemon has yet to be told that there is one, and nobody has tried.
    bool add(SlotIndex slot) noexcept;

    /// Somebody tries to tell the daemon: the hot path need not try again.
    void telling_tried(SlotIndex slot) noexcept;
    void told(SlotIndex slot) noexcept;
    /// There is a use, and the daemon doesn't know.
    bool untold(SlotIndex slot) const noexcept;

    /// No login is open: C_Finalize, or a forked child.
    void reset() noexcept;

  private:
    enum class Telling : std::uint8_t { not_tried, tried, done };
    struct Cell {
        std::atomic<std::uint64_t> uses{0};
        std::atomic<std::uint64_t> number{0};
        std::atomic<Telling> telling{Telling::not_tried};
    };
    static_assert(tracked_slots_max <= 64, "open_ has a bit for each slot");
    static constexpr std::uint64_t bit(SlotIndex slot) noexcept { return std::uint64_t{1} << slot; }

    std::array<Cell, tracked_slots_max> cells_{};
    std::atomic<std::uint64_t> open_{0};
};

} // namespace ukey::filter
