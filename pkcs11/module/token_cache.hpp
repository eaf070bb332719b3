// SPDX-License-Identifier: Apache-2.0
// The token in a slot as its C_GetTokenInfo last described it, so that a login need not ask the card again:
// OpenSC sends the card a command for each C_GetTokenInfo, and on a USB card that takes longer than the
// daemon's commit.
//
// A description is valid for sessions that were open when it was asked for, because a token that goes takes
// its sessions with it (PKCS#11 2.40 §5.6). So it goes with the slot's next C_OpenSession: `opened` is
// SessionTracker::opened() as it was before the backend was asked. The flags in it are as old as it is: good
// for naming the token, not for judging its PIN.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/bounds.hpp"
#include "pkcs11/module/session_tracker.hpp"

namespace ukey::filter {

/// Thread-safe without a lock: C_GetTokenInfo waits for nobody. Nothing is allocated.
class TokenCache {
  public:
    /// Forgotten when another thread is keeping something for the slot at this moment.
    void keep(SlotIndex slot, std::uint64_t opened, const CK_TOKEN_INFO& info) noexcept;
    /// nullopt: not known, or a session has been opened since, or it is just being written.
    std::optional<CK_TOKEN_INFO> find(SlotIndex slot, std::uint64_t opened) const noexcept;

  private:
    static constexpr std::size_t info_words =
        (sizeof(CK_TOKEN_INFO) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);

    /// `version` is odd while one thread writes, and another one after it: a reader that finds the same even
    /// one before and after has read one description.
    struct Entry {
        std::atomic<std::uint64_t> version{0};
        std::atomic<std::uint64_t> opened{0};
        std::array<std::atomic<std::uint64_t>, info_words> words{};
    };

    std::array<Entry, tracked_slots_max> entries_{};
};

} // namespace ukey::filter
