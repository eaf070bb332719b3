// SPDX-License-Identifier: Apache-2.0
#include "daemon/settings.hpp"

namespace ukey {

namespace {

Result<Settings> with_trust(Configuration configuration, TrustStore trust) {
    auto rule = configuration.rule_file.empty() ? Result<CriterionRule>(CriterionRule::built_in())
                                                : CriterionRule::load(configuration.rule_file);
    if (!rule) {
        return tl::unexpected(rule.error());
    }
    return Settings{std::move(configuration), std::move(trust), std::move(*rule)};
}

} // namespace

Result<Settings> Settings::load(const std::string& path) {
    auto configuration = load_configuration(path);
    if (!configuration) {
        return tl::unexpected(configuration.error());
    }
    auto trust = TrustStore::load(configuration->trust_paths);
    if (!trust) {
        return tl::unexpected(trust.error());
    }
    return with_trust(std::move(*configuration), std::move(*trust));
}

Result<Settings> Settings::from(Configuration configuration) {
    TrustStore trust = TrustStore::load_readable(configuration.trust_paths);
    return with_trust(std::move(configuration), std::move(trust));
}

} // namespace ukey
