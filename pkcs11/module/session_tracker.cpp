// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/session_tracker.hpp"

namespace ukey::filter {

std::optional<SlotIndex> SessionTracker::slot_index(CK_SLOT_ID slot) noexcept {
    const CK_SLOT_ID wanted = slot + 1; // slot ~0 is CK_UNAVAILABLE_INFORMATION, never a slot
    if (wanted == 0) {
        return std::nullopt;
    }
    for (SlotIndex index = 0; index < slots_.size(); ++index) {
        CK_SLOT_ID present = slots_[index].id_plus_one.load(std::memory_order_acquire);
        if (present == 0 && slots_[index].id_plus_one.compare_exchange_strong(present, wanted)) {
            return index;
        }
        if (present == wanted) {
            return index;
        }
    }
    return std::nullopt;
}

void SessionTracker::opened_elsewhere(CK_SLOT_ID slot, CK_SESSION_HANDLE session) noexcept {
    if (const std::optional<SlotIndex> fresh = slot_index(slot)) {
        add(session, *fresh);
    }
    openings_elsewhere_.fetch_sub(1);
}

void SessionTracker::opening_failed(Opening opening) noexcept {
    (opening < tracked_slots_max ? slots_[opening].sessions : openings_elsewhere_).fetch_sub(1);
}

void SessionTracker::add(CK_SESSION_HANDLE session, SlotIndex slot) noexcept {
    slots_[slot].sessions.fetch_add(1);
    slots_[slot].opened.fetch_add(1);
    keep(session, static_cast<std::uint32_t>(slot));
}

void SessionTracker::remove_all(SlotIndex slot) noexcept {
    for (Entry& entry : entries_) {
        CK_SESSION_HANDLE session = entry.session.load(std::memory_order_acquire);
        if (session == CK_INVALID_HANDLE || session == being_written) {
            continue;
        }
        const bool of_slot = (entry.value.load(std::memory_order_relaxed) & slot_mask) == slot;
        if (of_slot && entry.session.compare_exchange_strong(session, CK_INVALID_HANDLE)) {
            slots_[slot].sessions.fetch_sub(1);
        }
    }
    if (overflowed()) {
        slots_[slot].sessions.store(0);
    }
}

bool SessionTracker::without_sessions(SlotIndex slot) const noexcept {
    // In this order: a C_OpenSession that was over at the first look has already counted its session.
    return openings_elsewhere_.load() == 0 && slots_[slot].sessions.load() <= 0;
}

void SessionTracker::reset() noexcept {
    if (kept_any_.exchange(false)) {
        for (Entry& entry : entries_) {
            entry.session.store(CK_INVALID_HANDLE, std::memory_order_release);
            entry.value.store(0, std::memory_order_relaxed);
        }
    }
    for (Slot& slot : slots_) {
        slot.id_plus_one.store(0);
        slot.sessions.store(0);
        slot.opened.fetch_add(1);
    }
    overflowed_.store(false);
    openings_elsewhere_.store(0);
}

} // namespace ukey::filter
