// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/use_counter.hpp"

namespace ukey::filter {

std::uint64_t UseCounter::begin(SlotIndex slot) noexcept {
    Cell& cell = cells_[slot];
    const std::uint64_t number = cell.number.fetch_add(1) + 1;
    cell.uses.store(0, std::memory_order_release); // after the number: uses() relies on it
    cell.telling.store(Telling::not_tried, std::memory_order_relaxed);
    open_.fetch_or(bit(slot));
    return number;
}

std::optional<std::uint64_t> UseCounter::uses(SlotIndex slot, std::uint64_t number) const noexcept {
    const std::uint64_t count = cells_[slot].uses.load(std::memory_order_acquire);
    return is_open(slot) && this->number(slot) == number ? std::optional(count) : std::nullopt;
}

std::uint64_t UseCounter::end(SlotIndex slot) noexcept {
    open_.fetch_and(~bit(slot));
    return cells_[slot].uses.load(std::memory_order_relaxed);
}

bool UseCounter::add(SlotIndex slot) noexcept {
    if (!is_open(slot)) {
        return false;
    }
    Cell& cell = cells_[slot];
    cell.uses.fetch_add(1, std::memory_order_relaxed);
    return cell.telling.load(std::memory_order_relaxed) == Telling::not_tried;
}

void UseCounter::telling_tried(SlotIndex slot) noexcept {
    Telling expected = Telling::not_tried;
    cells_[slot].telling.compare_exchange_strong(expected, Telling::tried, std::memory_order_relaxed);
}

void UseCounter::told(SlotIndex slot) noexcept {
    cells_[slot].telling.store(Telling::done, std::memory_order_relaxed);
}

bool UseCounter::untold(SlotIndex slot) const noexcept {
    const Cell& cell = cells_[slot];
    return is_open(slot) && cell.uses.load(std::memory_order_relaxed) > 0 &&
           cell.telling.load(std::memory_order_relaxed) != Telling::done;
}

void UseCounter::reset() noexcept {
    for (Cell& cell : cells_) {
        cell.uses.store(0, std::memory_order_relaxed);
        cell.telling.store(Telling::not_tried, std::memory_order_relaxed);
    }
    open_.store(0);
}

} // namespace ukey::filter
