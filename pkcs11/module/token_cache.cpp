// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/token_cache.hpp"

#include <cstring>

namespace ukey::filter {

void TokenCache::keep(SlotIndex slot, std::uint64_t opened, const CK_TOKEN_INFO& info) noexcept {
    Entry& entry = entries_[slot];
    std::uint64_t version = entry.version.load(std::memory_order_relaxed);
    if (version % 2 != 0 ||
        !entry.version.compare_exchange_strong(version, version + 1, std::memory_order_acq_rel)) {
        return; // another thread writes what it has just read
    }
    std::array<std::uint64_t, info_words> words{};
    std::memcpy(words.data(), &info, sizeof info);
    // Release: who sees one of these words sees the odd version too.
    entry.opened.store(opened, std::memory_order_release);
    for (std::size_t index = 0; index < info_words; ++index) {
        entry.words[index].store(words[index], std::memory_order_release);
    }
    entry.version.store(version + 2, std::memory_order_release);
}

std::optional<CK_TOKEN_INFO> TokenCache::find(SlotIndex slot, std::uint64_t opened) const noexcept {
    const Entry& entry = entries_[slot];
    const std::uint64_t version = entry.version.load(std::memory_order_acquire);
    if (version == 0 || version % 2 != 0 || entry.opened.load(std::memory_order_acquire) != opened) {
        return std::nullopt;
    }
    std::array<std::uint64_t, info_words> words{};
    for (std::size_t index = 0; index < info_words; ++index) {
        words[index] = entry.words[index].load(std::memory_order_acquire);
    }
    if (entry.version.load(std::memory_order_relaxed) != version) {
        return std::nullopt;
    }
    CK_TOKEN_INFO info{};
    std::memcpy(&info, words.data(), sizeof info);
    return info;
}

} // namespace ukey::filter
