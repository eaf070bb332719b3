// SPDX-License-Identifier: Apache-2.0
// One login with its evidence, for people.
#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "daemon/core/result.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

/// Checks the attestation of an answer of session.show again; nullopt when it has none to check.
std::optional<Result<void>> verify_session(const boost::json::object& answer);

/// `answer` is {session, attestation}; `verified` is what verify_session() said of it.
std::string render_session(const boost::json::object& answer, const std::optional<Result<void>>& verified,
                           const Style& style);

} // namespace ukey::ctl
