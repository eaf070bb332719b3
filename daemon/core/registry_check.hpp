// SPDX-License-Identifier: Apache-2.0
// The rules across the rows of a registry file.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/core/finding.hpp"
#include "daemon/core/registry_file.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// Rules across rows, together with what is already known: unique codes, unique paths, every parent path
/// present (an ancestor that has no row is an error `registry.unknown_parent`), `answered_for_by` known, no
/// cycle of answering. Error with
/// object "file:line"; `registry.duplicate`, `registry.unknown_parent`, `registry.bad_cell`.
Result<void> check_registry(std::string_view file, const std::vector<RegistryRow>& rows,
                            const std::vector<Organisation>& known);

/// What is missing but does not forbid the import: `organisation.no_administrator`,
/// `organisation.bad_mobile`.
std::vector<Finding> registry_findings(const std::vector<RegistryRow>& rows);

} // namespace ukey
