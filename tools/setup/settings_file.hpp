// SPDX-License-Identifier: Apache-2.0
// Files of other programs that are changed: read with suspicion, replaced in one step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/failure.hpp"

namespace ukey::ctl {

/// Configuration files are far below; what is longer is none.
constexpr std::size_t settings_max_bytes = 256UL * 1024;

/// The whole text; nothing when there is no such file. `setup.unusual` for what is no plain text file of a
/// moderate size (a symbolic link is not followed), `file.unreadable`.
Outcome<std::optional<std::string>> read_settings(const std::string& path,
                                                  std::size_t max_bytes = settings_max_bytes);

/// The file has the new text or the old one, never a part: written beside it and renamed. Mode and owner
/// stay; a new file can be read by everybody when root makes it, else by its owner only. Nothing removes the
/// file. `file.unwritable`.
Outcome<void> write_settings(const std::string& path, const std::optional<std::string>& text);

/// Makes the folders above the file that are missing, and names them, outermost first.
Outcome<std::vector<std::string>> make_folders_for(const std::string& path);

/// Both paths lead to one file, or are the same text.
bool same_file(const std::string& left, const std::string& right);

} // namespace ukey::ctl
