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

    /// To be called around the backend's C_OpenSession and C_CloseSession: meanwhile no slot counts as
    /// without sessions, because what this table says and what the backend says may differ.
    void change_begins() noexcept { changes_in_flight_.fetch_add(1); }
    void change_is_over() noexcept { changes_in_flight_.fetch_sub(1); }

    /// A session that the backend opened. One that finds no room is counted, but find() does not know it.
    void add(CK_SESSION_HANDLE session, SlotIndex slot) noexcept;
    /// Some session has found no room: who needs the slot of an unknown one asks the backend.
    bool overflowed() const noexcept { return overflowed_.load(std::memory_order_relaxed); }

    /// What remove() took out, for put_back().
    struct Removed {
        SlotIndex slot;
        std::uint32_t value;
    };
    /// To be called before the backend's C_CloseSession: after it another thread may get the same handle.
    std::optional<Removed> remove(CK_SESSION_HANDLE session) noexcept;
    /// The same for one of the slot that had found no room.
    Removed remove_unknown(SlotIndex slot) noexcept;
    /// The backend did not close it.
    void put_back(CK_SESSION_HANDLE session, const Removed& removed) noexcept;

    /// The slot's sessions are all closed.
    void remove_all(SlotIndex slot) noexcept;

    /// The slot of a session; nullopt when it is not known here.
    std::optional<SlotIndex> find(CK_SESSION_HANDLE session) const noexcept;

    /// Remembers whether the operation that begins in this session uses a private key.
    void begin_operation(CK_SESSION_HANDLE session, KeyOperation operation, bool with_private_key) noexcept;
    /// The slot of a session if its operation was begun with a private key.
    std::optional<SlotIndex> find_private(CK_SESSION_HANDLE session, KeyOperation operation) const noexcept;

    /// True when no session of the slot is open, and none of any slot is being opened or closed.
    bool without_sessions(SlotIndex slot) const noexcept;

    /// Nothing is open any more: C_Finalize, or a forked child.
    void reset() noexcept;

  private:
    static constexpr CK_SESSION_HANDLE being_written = ~CK_SESSION_HANDLE{0};
    static constexpr std::uint32_t slot_mask = 0xFFFFU;

    struct Entry {
        std::atomic<CK_SESSION_HANDLE> session{CK_INVALID_HANDLE};
        /// Slot index in the low 16 bits, the KeyOperation flags above.
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
    bool store(CK_SESSION_HANDLE session, std::uint32_t value) noexcept;

    std::array<Entry, tracked_sessions_max> entries_{};
    std::array<Slot, tracked_slots_max> slots_{};
    std::atomic<std::int64_t> changes_in_flight_{0};
    std::atomic<bool> overflowed_{false};
};

} // namespace ukey::filter
