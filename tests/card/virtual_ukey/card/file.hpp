// SPDX-License-Identifier: Apache-2.0
// Whole files, read and replaced.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "daemon/core/result.hpp"

namespace ukey::virtual_card {

Result<std::string> read_file(const std::filesystem::path& path);

/// Replaces a file as a whole: a reader, or a process killed half-way, sees the old content or the new. It is
/// not synchronised to the disk, since a virtual card need not outlive the computer's own power loss.
Result<void> replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode);

} // namespace ukey::virtual_card
