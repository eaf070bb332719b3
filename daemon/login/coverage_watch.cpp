// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/coverage_watch.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

namespace ukey {
namespace {

/// Programs of one user with a filter of another version that are told one by one; there are a handful.
constexpr std::size_t told_programs_max = 32;
/// Of so many users it is remembered what was told: who can be many users (subuids) silences none, and only
/// has the same told again.
constexpr std::size_t told_users_max = 256;

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

std::vector<CoverageGap> CoverageWatch::look(const AskMessage& ask, std::uint32_t uid, const PresentKey* key,
                                             const std::string& module_path) {
    std::vector<CoverageGap> gaps;
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

std::optional<CoverageGap> CoverageWatch::other_version(const AskMessage& ask, std::uint32_t uid) {
    if (ask.filter.version == UKEY_VERSION) {
        return std::nullopt;
    }
    const Program program{ask.claim.executable, ask.filter.version};
    const auto told = std::ranges::find(told_, uid, &ToldPrograms::uid);
    if (told != told_.end() &&
        (told->programs.size() >= told_programs_max || told->programs.contains(program))) {
        return std::nullopt;
    }
    return CoverageGap{{{"reason", "filter_version"},
                        {"uid", uid},
                        {"executable", program.first},
                        {"filter", program.second}},
                       [this, uid, program] { remember(uid, program); }};
}

void CoverageWatch::remember(std::uint32_t uid, Program program) {
    auto told = std::ranges::find(told_, uid, &ToldPrograms::uid);
    if (told == told_.end()) {
        if (told_.size() >= told_users_max) {
            told_.pop_front();
        }
        told = told_.insert(told_.end(), {uid, {}});
    }
    told->programs.insert(std::move(program));
    told_.splice(told_.end(), told_, told);
}

std::optional<CoverageGap> CoverageWatch::changed_pin_state(const PinFlags& now, const PresentKey& key,
                                                            bool same_module) {
    const auto kept = pin_flags_.find(key.key_id);
    std::optional<PinFlags> before;
    if (kept != pin_flags_.end()) {
        before = kept->second;
    } else if (same_module) { // another module may set other flags for the same state
        before = user_pin_flags(key.token);
    }
    const auto keep = [this, key_id = key.key_id, now] { pin_flags_.insert_or_assign(key_id, now); };
    if (!before || *before == now) {
        keep();
        return std::nullopt;
    }
    return CoverageGap{
        {{"reason", "pin_state"}, {"key", key.key_id}, {"before", to_json(*before)}, {"now", to_json(now)}},
        keep};
}

void CoverageWatch::pin_was_used(const std::string& key_id, bool successfully) {
    pin_flags_.insert_or_assign(key_id, successfully ? std::optional(PinFlags()) : std::nullopt);
}

} // namespace ukey
