// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/authorities.hpp"

namespace ukey::ctl {

Outcome<std::optional<TrustStore>> load_authorities(const std::vector<std::string>& paths) {
    if (paths.empty()) {
        return std::nullopt;
    }
    auto loaded = TrustStore::load(paths);
    if (!loaded) {
        return fail_with("file.unreadable",
                         {{"object", loaded.error().object}, {"reason", loaded.error().reason}});
    }
    return std::optional(std::move(*loaded));
}

} // namespace ukey::ctl
