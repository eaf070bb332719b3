// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/certificate.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

/// The U-Keys' CAs as a person names them, files or folders; none named: nullopt, and certificates are not
/// looked at. Error `file.unreadable`.
Outcome<std::optional<TrustStore>> load_authorities(const std::vector<std::string>& paths);

} // namespace ukey::ctl
