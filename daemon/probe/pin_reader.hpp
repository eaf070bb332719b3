// SPDX-License-Identifier: Apache-2.0
// PINs from a descriptor: one a line, so that none is ever in an argument or the environment.
#pragma once

#include <vector>

#include "daemon/core/result.hpp"
#include "daemon/core/secret.hpp"

namespace ukey::probe {

/// Reads until `count` lines are in or the end; blocks. The last line's newline may be missing. Error
/// `pin.not_given`.
Result<std::vector<Secret>> read_pins(int descriptor, std::size_t count);

} // namespace ukey::probe
