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

std::optional<SlotIndex> SessionTracker::known_slot(CK_SLOT_ID slot) const noexcept {
    for (SlotIndex index = 0; index < slots_.size(); ++index) {
        const CK_SLOT_ID present = slots_[index].id_plus_one.load(std::memory_order_acquire);
        if (present == 0) {
            return std::nullopt; // places are taken in order
        }
        if (present == slot + 1) {
            return index;
        }
    }
    return std::nullopt;
}

std::size_t SessionTracker::first_place(CK_SESSION_HANDLE session) noexcept {
    // Handles are small numbers in some modules and addresses in others: fold the upper bits in.
    const CK_SESSION_HANDLE folded = session ^ (session >> 4U) ^ (session >> 16U);
    return static_cast<std::size_t>(folded % tracked_sessions_max);
}

const SessionTracker::Entry* SessionTracker::entry_of(CK_SESSION_HANDLE session) const noexcept {
    if (session == CK_INVALID_HANDLE || session == being_written) {
        return nullptr;
    }
    const std::size_t first = first_place(session);
    for (std::size_t step = 0; step < session_probe_max; ++step) {
        const Entry& entry = entries_[(first + step) % tracked_sessions_max];
        if (entry.session.load(std::memory_order_acquire) == session) {
            return &entry;
        }
    }
    return nullptr;
}

bool SessionTracker::store(CK_SESSION_HANDLE session, std::uint32_t value) noexcept {
    if (session == CK_INVALID_HANDLE || session == being_written) {
        return false;
    }
    const std::size_t first = first_place(session);
    for (std::size_t step = 0; step < session_probe_max; ++step) {
        Entry& entry = entries_[(first + step) % tracked_sessions_max];
        CK_SESSION_HANDLE expected = CK_INVALID_HANDLE;
        if (entry.session.compare_exchange_strong(expected, being_written)) {
            entry.value.store(value, std::memory_order_relaxed);
            entry.session.store(session, std::memory_order_release);
            return true;
        }
    }
    return false;
}

void SessionTracker::add(CK_SESSION_HANDLE session, SlotIndex slot) noexcept {
    slots_[slot].sessions.fetch_add(1);
    slots_[slot].opened.fetch_add(1);
    if (!store(session, static_cast<std::uint32_t>(slot))) {
        overflowed_.store(true, std::memory_order_relaxed);
    }
}

std::optional<SessionTracker::Removed> SessionTracker::remove(CK_SESSION_HANDLE session) noexcept {
    auto* entry = const_cast<Entry*>(entry_of(session));
    if (entry == nullptr) {
        return std::nullopt;
    }
    const std::uint32_t value = entry->value.load(std::memory_order_relaxed);
    CK_SESSION_HANDLE expected = session;
    if (!entry->session.compare_exchange_strong(expected, CK_INVALID_HANDLE)) {
        return std::nullopt; // another thread closes it too
    }
    const SlotIndex slot = value & slot_mask;
    slots_[slot].sessions.fetch_sub(1);
    return Removed{slot, value};
}

void SessionTracker::put_back(CK_SESSION_HANDLE session, const Removed& removed) noexcept {
    add(session, removed.slot);
    for (const KeyOperation operation : {KeyOperation::sign, KeyOperation::decrypt}) {
        begin_operation(session, operation, (removed.value & static_cast<std::uint32_t>(operation)) != 0);
    }
}

SessionTracker::Removed SessionTracker::remove_unknown(SlotIndex slot) noexcept {
    slots_[slot].sessions.fetch_sub(1);
    return Removed{slot, static_cast<std::uint32_t>(slot)};
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

std::optional<SlotIndex> SessionTracker::find(CK_SESSION_HANDLE session) const noexcept {
    const Entry* entry = entry_of(session);
    if (entry == nullptr) {
        return std::nullopt;
    }
    return entry->value.load(std::memory_order_relaxed) & slot_mask;
}

void SessionTracker::begin_operation(CK_SESSION_HANDLE session, KeyOperation operation,
                                     bool with_private_key) noexcept {
    auto* entry = const_cast<Entry*>(entry_of(session));
    if (entry == nullptr) {
        return;
    }
    const auto flag = static_cast<std::uint32_t>(operation);
    if (with_private_key) {
        entry->value.fetch_or(flag, std::memory_order_relaxed);
    } else {
        entry->value.fetch_and(~flag, std::memory_order_relaxed);
    }
}

std::optional<SlotIndex> SessionTracker::find_private(CK_SESSION_HANDLE session,
                                                      KeyOperation operation) const noexcept {
    const Entry* entry = entry_of(session);
    if (entry == nullptr) {
        return std::nullopt;
    }
    const std::uint32_t value = entry->value.load(std::memory_order_relaxed);
    if ((value & static_cast<std::uint32_t>(operation)) == 0) {
        return std::nullopt;
    }
    return value & slot_mask;
}

bool SessionTracker::without_sessions(SlotIndex slot) const noexcept {
    // In this order: a C_OpenSession that was over at the first look has already counted its session.
    return changes_in_flight_.load() == 0 && slots_[slot].sessions.load() <= 0;
}

void SessionTracker::reset() noexcept {
    for (Entry& entry : entries_) {
        entry.session.store(CK_INVALID_HANDLE, std::memory_order_release);
        entry.value.store(0, std::memory_order_relaxed);
    }
    for (Slot& slot : slots_) {
        slot.id_plus_one.store(0);
        slot.sessions.store(0);
        slot.opened.fetch_add(1);
    }
    overflowed_.store(false);
    changes_in_flight_.store(0);
}

} // namespace ukey::filter
