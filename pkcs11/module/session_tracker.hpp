// SPDX-License-Identifier: Apache-2.0
// Which slot a session belongs to, and when a slot's last session is gone: that ends its login (PKCS#11 2.40
// §5.6, C_CloseSession and C_CloseAllSessions).
//
// No lock anywhere, no allocation, no system call: C_Sign looks a session up here. Every function may be
// called from any thread at any time; what an application gets wrong (closing a session that signs) costs a
// count, not a crash.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/bounds.hpp"

namespace ukey::filter {

/// The place of a slot in the filter's own tables, 0 … tracked_slots_max - 1. Given once, kept until reset().
using SlotIndex = std::size_t;

/// The operations that begin in one call and are counted in another.
enum class KeyOperation : std::uint32_t { sign = 1U << 16U, decrypt = 1U << 17U };

class SessionTracker {
  public:
    constexpr SessionTracker() = default;

    /// The place of a slot, taken if it has none yet; nullopt when there are too many slots.
    std::optional<SlotIndex> slot_index(CK_SLOT_ID slot) noexcept;
    /// The place of a slot if it has one.
    std::optional<SlotIndex> known_slot(CK_SLOT_ID slot) const noexcept;
    CK_SLOT_ID slot_id(SlotIndex slot) const noexcept { return slots_[slot].id_plus_one.load() - 1; }
    /// Grows with every session that is opened in the slot; never the same again.
    std::uint64_t opened(SlotIndex slot) const noexcept { return slots_[slot].opened.load(); }

    /// Where a C_OpenSession under way is counted: the slot's place, or tracked_slots_max while it has none.
    using Opening = SlotIndex;
    /// To be called before the backend's C_OpenSession, and one of the two below after it. The session counts
    /// from here on, so that its slot is never taken for one without sessions while the backend opens it.
    Opening opening_begins(CK_SLOT_ID slot) noexcept;
    /// A handle that the backend has just issued and that is known here was its handle before: that session
    /// has gone without a call, with its token (PKCS#11 2.40 §5.6). The slot that it is taken from, then.
    std::optional<SlotIndex> opening_succeeded(Opening opening, CK_SLOT_ID slot,
                                               CK_SESSION_HANDLE session) noexcept;
    void opening_failed(Opening opening) noexcept;

    /// A session that is open already. One that finds no room is counted, but find() does not know it.
    void add(CK_SESSION_HANDLE session, SlotIndex slot) noexcept;
    /// Some session has found no room: who needs the slot of an unknown one asks the backend.
    bool overflowed() const noexcept { return overflowed_.load(std::memory_order_relaxed); }

    /// What remove() took out; counted until closed().
    struct Removed {
        SlotIndex slot;
        std::uint32_t value;
    };
    /// To be called before the backend's C_CloseSession: after it another thread may get the same handle.
    std::optional<Removed> remove(CK_SESSION_HANDLE session) noexcept;
    /// The same for one of the slot that had found no room.
    static Removed remove_unknown(SlotIndex slot) noexcept {
        return Removed{slot, static_cast<std::uint32_t>(slot)};
    }
    /// The backend has closed it. True when that was the slot's last.
    bool closed(const Removed& removed) noexcept { return slots_[removed.slot].sessions.fetch_sub(1) <= 1; }
    /// The backend did not close it.
    void put_back(CK_SESSION_HANDLE session, const Removed& removed) noexcept {
        keep(session, removed.value);
    }

    /// The slot's sessions are all closed.
    void remove_all(SlotIndex slot) noexcept;
    /// Some of them may have gone with their token: forgets those of which `is_dead(session)` says so. One
    /// that had found no room stays counted.
    template <typename IsDead>
    void remove_dead(SlotIndex slot, IsDead is_dead);

    /// The slot of a session; nullopt when it is not known here.
    std::optional<SlotIndex> find(CK_SESSION_HANDLE session) const noexcept;

    /// Remembers whether the operation that begins in this session uses a private key.
    void begin_operation(CK_SESSION_HANDLE session, KeyOperation operation, bool with_private_key) noexcept;
    /// The slot of a session if its operation was begun with a private key.
    std::optional<SlotIndex> find_private(CK_SESSION_HANDLE session, KeyOperation operation) const noexcept;

    /// True when no session of the slot is open, or being opened, or being closed.
    bool without_sessions(SlotIndex slot) const noexcept;

    /// Nothing is open any more: C_Finalize, or a forked child.
    void reset() noexcept;

  private:
    static constexpr CK_SESSION_HANDLE being_written = ~CK_SESSION_HANDLE{0};
    static constexpr std::uint32_t slot_mask = 0xFFFFU;
    static constexpr std::uint32_t stamp_shift = 18;

    struct Entry {
        std::atomic<CK_SESSION_HANDLE> session{CK_INVALID_HANDLE};
        /// Slot index in the low 16 bits, the KeyOperation flags above, then the low bits of the number that
        /// the slot's session has: they tell a session from one that has got its handle and its slot.
        std::atomic<std::uint32_t> value{0};
    };
    struct Slot {
        /// Slot id + 1, so that the table is all zero at the start and costs no page of the file.
        std::atomic<CK_SLOT_ID> id_plus_one{0};
        std::atomic<std::int64_t> sessions{0};
        std::atomic<std::uint64_t> opened{0};
    };

    static std::size_t first_place(CK_SESSION_HANDLE session) noexcept;
    const Entry* entry_of(CK_SESSION_HANDLE session) const noexcept;
    std::optional<SlotIndex> opened_elsewhere(CK_SLOT_ID slot, CK_SESSION_HANDLE session) noexcept;
    std::optional<SlotIndex> keep_new(CK_SESSION_HANDLE session, SlotIndex slot) noexcept;
    std::optional<SlotIndex> replace(CK_SESSION_HANDLE session, std::uint32_t value) noexcept;
    void keep(CK_SESSION_HANDLE session, std::uint32_t value) noexcept;
    bool store(CK_SESSION_HANDLE session, std::uint32_t value) noexcept;
    void forget(Entry& entry, CK_SESSION_HANDLE session, std::uint32_t value) noexcept;

    std::array<Entry, tracked_sessions_max> entries_{};
    std::array<Slot, tracked_slots_max> slots_{};
    /// Calls of C_OpenSession for a slot without a place, which may get one any moment.
    std::atomic<std::int64_t> openings_elsewhere_{0};
    std::atomic<bool> overflowed_{false};
    /// A session was kept since the last reset(): only then is there a table to empty.
    std::atomic<bool> kept_any_{false};
};

// On the way of C_OpenSession, C_CloseSession and C_Sign: calls of functions elsewhere would cost as much as
// the work.

inline std::optional<SlotIndex> SessionTracker::known_slot(CK_SLOT_ID slot) const noexcept {
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

inline std::size_t SessionTracker::first_place(CK_SESSION_HANDLE session) noexcept {
    // Handles are small numbers in some modules and addresses in others: fold the upper bits in.
    const CK_SESSION_HANDLE folded = session ^ (session >> 4U) ^ (session >> 16U);
    return static_cast<std::size_t>(folded % tracked_sessions_max);
}

inline const SessionTracker::Entry* SessionTracker::entry_of(CK_SESSION_HANDLE session) const noexcept {
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

inline bool SessionTracker::store(CK_SESSION_HANDLE session, std::uint32_t value) noexcept {
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

inline void SessionTracker::keep(CK_SESSION_HANDLE session, std::uint32_t value) noexcept {
    if (!kept_any_.load(std::memory_order_relaxed)) {
        kept_any_.store(true);
    }
    if (!store(session, value)) {
        overflowed_.store(true, std::memory_order_relaxed);
    }
}

/// The slot whose session had this handle, if one had it.
inline std::optional<SlotIndex> SessionTracker::replace(CK_SESSION_HANDLE session,
                                                        std::uint32_t value) noexcept {
    auto* entry = const_cast<Entry*>(entry_of(session));
    CK_SESSION_HANDLE expected = session;
    if (entry == nullptr || !entry->session.compare_exchange_strong(expected, being_written)) {
        return std::nullopt;
    }
    const SlotIndex slot = entry->value.exchange(value, std::memory_order_relaxed) & slot_mask;
    entry->session.store(session, std::memory_order_release);
    slots_[slot].sessions.fetch_sub(1);
    return slot;
}

inline std::optional<SlotIndex> SessionTracker::keep_new(CK_SESSION_HANDLE session, SlotIndex slot) noexcept {
    const std::uint64_t number = slots_[slot].opened.fetch_add(1);
    const auto value = static_cast<std::uint32_t>(slot) | static_cast<std::uint32_t>(number << stamp_shift);
    const std::optional<SlotIndex> dead = replace(session, value);
    if (!dead) {
        keep(session, value);
    }
    return dead;
}

inline SessionTracker::Opening SessionTracker::opening_begins(CK_SLOT_ID slot) noexcept {
    for (SlotIndex index = 0; index < slots_.size(); ++index) {
        const CK_SLOT_ID present = slots_[index].id_plus_one.load(std::memory_order_acquire);
        if (present == slot + 1 && present != 0) {
            slots_[index].sessions.fetch_add(1);
            return index;
        }
        if (present == 0) {
            break; // places are taken in order
        }
    }
    // Not given a place yet: the number may be that of no slot.
    openings_elsewhere_.fetch_add(1);
    return tracked_slots_max;
}

inline std::optional<SlotIndex> SessionTracker::opening_succeeded(Opening opening, CK_SLOT_ID slot,
                                                                  CK_SESSION_HANDLE session) noexcept {
    return opening < tracked_slots_max ? keep_new(session, opening) : opened_elsewhere(slot, session);
}

inline std::optional<SessionTracker::Removed> SessionTracker::remove(CK_SESSION_HANDLE session) noexcept {
    auto* entry = const_cast<Entry*>(entry_of(session));
    if (entry == nullptr) {
        return std::nullopt;
    }
    const std::uint32_t value = entry->value.load(std::memory_order_relaxed);
    CK_SESSION_HANDLE expected = session;
    if (!entry->session.compare_exchange_strong(expected, CK_INVALID_HANDLE)) {
        return std::nullopt; // another thread closes it too
    }
    return Removed{value & slot_mask, value};
}

inline std::optional<SlotIndex> SessionTracker::find(CK_SESSION_HANDLE session) const noexcept {
    const Entry* entry = entry_of(session);
    if (entry == nullptr) {
        return std::nullopt;
    }
    return entry->value.load(std::memory_order_relaxed) & slot_mask;
}

inline void SessionTracker::begin_operation(CK_SESSION_HANDLE session, KeyOperation operation,
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

inline std::optional<SlotIndex> SessionTracker::find_private(CK_SESSION_HANDLE session,
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

template <typename IsDead>
void SessionTracker::remove_dead(SlotIndex slot, IsDead is_dead) {
    for (Entry& entry : entries_) {
        const CK_SESSION_HANDLE session = entry.session.load(std::memory_order_acquire);
        const std::uint32_t value = entry.value.load(std::memory_order_relaxed);
        const bool in_use = session != CK_INVALID_HANDLE && session != being_written;
        if (in_use && (value & slot_mask) == slot && is_dead(session)) {
            forget(entry, session, value);
        }
    }
}

} // namespace ukey::filter
