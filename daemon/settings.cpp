// SPDX-License-Identifier: Apache-2.0
#include "daemon/settings.hpp"

namespace ukey {

Result<Settings> Settings::load(const std::string& path) {
    auto configuration = load_configuration(path);
    if (!configuration) {
        return tl::unexpected(configuration.error());
    }
    auto settings = from(std::move(*configuration));
    if (settings && !settings->trust.unreadable().empty()) {
        return tl::unexpected(settings->trust.unreadable().front());
    }
    return settings;
}

Result<Settings> Settings::from(Configuration configuration) {
    auto rule = configuration.rule_file.empty() ? Result<CriterionRule>(CriterionRule::built_in())
                                                : CriterionRule::load(configuration.rule_file);
    if (!rule) {
        return tl::unexpected(rule.error());
    }
    TrustStore trust = TrustStore::load_readable(configuration.trust_paths);
    return Settings{std::move(configuration), std::move(trust), std::move(*rule)};
}

} // namespace ukey
