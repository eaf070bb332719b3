// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/shared_text.hpp"

#include <mutex>
#include <unordered_set>

namespace ukey {

SharedText::SharedText(std::string_view text) {
    static const std::string none;
    static std::mutex mutex;
    static std::unordered_set<std::string> texts; // its entries stay where they are
    if (text.empty()) {
        text_ = &none;
        return;
    }
    const std::scoped_lock lock(mutex);
    text_ = &*texts.emplace(text).first;
}

} // namespace ukey
