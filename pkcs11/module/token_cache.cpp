// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/token_cache.hpp"

namespace ukey::filter {

void TokenCache::keep(SlotIndex slot, std::uint64_t opened, const CK_TOKEN_INFO& info) {
    const std::lock_guard lock(mutex_);
    entries_[slot] = Entry{true, opened, info};
}

std::optional<CK_TOKEN_INFO> TokenCache::find(SlotIndex slot, std::uint64_t opened) const {
    const std::lock_guard lock(mutex_);
    const Entry& entry = entries_[slot];
    return entry.filled && entry.opened == opened ? std::optional(entry.info) : std::nullopt;
}

} // namespace ukey::filter
