// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "daemon/core/result.hpp"

namespace ukey::ctl {

/// A regular file's bytes. Not mapped: a file on a stick that is pulled out must be an error, no signal.
/// Error `file.unreadable`.
Result<std::string> read_whole_file(const std::string& path);

} // namespace ukey::ctl
