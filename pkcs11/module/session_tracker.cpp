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

std::optional<SlotIndex> SessionTracker::opened_elsewhere(CK_SLOT_ID slot,
                                                          CK_SESSION_HANDLE session) noexcept {
    std::optional<SlotIndex> dead;
    if (const std::optional<SlotIndex> fresh = slot_index(slot)) {
        slots_[*fresh].sessions.fetch_add(1);
        dead = keep_new(session, *fresh);
    }
    openings_elsewhere_.fetch_sub(1);
    return dead;
}

void SessionTracker::opening_failed(Opening opening) noexcept {
    (opening < tracked_slots_max ? slots_[opening].sessions : openings_elsewhere_).fetch_sub(1);
}

void SessionTracker::add(CK_SESSION_HANDLE session, SlotIndex slot) noexcept {
    slots_[slot].sessions.fetch_add(1);
    keep_new(session, slot);
}

/// Unless it is another session by now: between the backend's answer that it is dead and here, another thread
/// may have got its handle.
void SessionTracker::forget(Entry& entry, CK_SESSION_HANDLE session, std::uint32_t value) noexcept {
    CK_SESSION_HANDLE expected = session;
    if (!entry.session.compare_exchange_strong(expected, being_written)) {
        return;
    }
    constexpr std::uint32_t flags = (1U << stamp_shift) - 1U - slot_mask;
    const bool same = ((entry.value.load(std::memory_order_relaxed) ^ value) & ~flags) == 0;
    entry.session.store(same ? CK_INVALID_HANDLE : session, std::memory_order_release);
    if (same) {
        slots_[value & slot_mask].sessions.fetch_sub(1);
    }
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
