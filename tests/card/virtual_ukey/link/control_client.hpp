// SPDX-License-Identifier: Apache-2.0
// The other end of the control socket, for scripts and tests.
#pragma once

#include <filesystem>
#include <string>

#include "daemon/core/result.hpp"

namespace ukey::virtual_card {

/// Sends one command (a JSON object without line breaks) and returns the line it is answered with. Blocks.
Result<std::string> send_control_command(const std::filesystem::path& socket, const std::string& command);

} // namespace ukey::virtual_card
