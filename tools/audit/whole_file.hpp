// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/core/result.hpp"

namespace ukey::ctl {

/// A regular file's bytes. Not mapped: a file on a stick that is pulled out must be an error, no signal.
/// Error `file.unreadable`.
Result<std::string> read_whole_file(const std::string& path);

/// Of all of them together, for a progress bar: what cannot be read counts nothing, and is said when it is
/// its turn.
std::size_t total_bytes(const std::vector<std::string>& files);

} // namespace ukey::ctl
