// SPDX-License-Identifier: Apache-2.0
// What the configuration file puts into force, with the files that it names: all of it or none.
#pragma once

#include <string>

#include "daemon/core/certificate.hpp"
#include "daemon/core/configuration.hpp"
#include "daemon/core/criterion_rule.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

struct Settings {
    Configuration configuration;
    TrustStore trust;
    CriterionRule rule;

    /// Reads files; blocks. Errors `config.*`, `trust.unreadable`, with the place.
    static Result<Settings> load(const std::string& path);
    /// For a start, which has no older settings to go on with: without the CA files that cannot be read,
    /// which `trust.unreadable()` names. Blocks. Errors `config.*`.
    static Result<Settings> from(Configuration configuration);
};

} // namespace ukey
