// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/coverage_watch.hpp"

#include <boost/json/array.hpp>

namespace ukey {
namespace {

/// Programs of other versions that are told one by one; a computer has a handful.
constexpr std::size_t told_versions_max = 256;

std::set<std::string, std::less<>> user_pin_flags(const TokenReport& token) {
    std::set<std::string, std::less<>> flags;
    for (const char* flag : {"user_pin_count_low", "user_pin_final_try", "user_pin_locked"}) {
        if (token.has_flag(flag)) {
            flags.emplace(flag);
        }
    }
    return flags;
}

boost::json::array to_json(const std::set<std::string, std::less<>>& flags) {
    return boost::json::array(flags.begin(), flags.end());
}

} // namespace

std::vector<boost::json::object> CoverageWatch::look(const AskMessage& ask, std::uint32_t uid,
                                                     const PresentKey* key, const std::string& module_path) {
    std::vector<boost::json::object> gaps;
    if (auto gap = other_version(ask, uid)) {
        gaps.push_back(std::move(*gap));
    }
    if (key != nullptr && ask.pin_flags) {
        if (auto gap = changed_pin_state(*ask.pin_flags, *key, ask.filter.backend == module_path)) {
            gaps.push_back(std::move(*gap));
        }
    }
    return gaps;
}

std::optional<boost::json::object> CoverageWatch::other_version(const AskMessage& ask, std::uint32_t uid) {
    if (ask.filter.version == UKEY_VERSION || told_versions_.size() >= told_versions_max ||
        !told_versions_.emplace(uid, ask.claim.executable, ask.filter.version).second) {
        return std::nullopt;
    }
    return boost::json::object{{"reason", "filter_version"},
                               {"uid", uid},
                               {"executable", ask.claim.executable},
                               {"filter", ask.filter.version}};
}

std::optional<boost::json::object> CoverageWatch::changed_pin_state(const PinFlags& now,
                                                                    const PresentKey& key, bool same_module) {
    const auto kept = pin_flags_.find(key.key_id);
    std::optional<PinFlags> before;
    if (kept != pin_flags_.end()) {
        before = kept->second;
    } else if (same_module) { // another module may set other flags for the same state
        before = user_pin_flags(key.token);
    }
    pin_flags_.insert_or_assign(key.key_id, now);
    if (!before || *before == now) {
        return std::nullopt;
    }
    return boost::json::object{
        {"reason", "pin_state"}, {"key", key.key_id}, {"before", to_json(*before)}, {"now", to_json(now)}};
}

void CoverageWatch::pin_was_used(const std::string& key_id, bool successfully) {
    pin_flags_.insert_or_assign(key_id, successfully ? std::optional(PinFlags()) : std::nullopt);
}

} // namespace ukey
