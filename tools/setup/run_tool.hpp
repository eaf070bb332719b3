// SPDX-License-Identifier: Apache-2.0
// Another program, to its end.
#pragma once

#include <string>
#include <vector>

namespace ukey::ctl {

struct ToolEnd {
    int exit_code = -1; ///< -1: it could not be started, was killed, or took too long
    std::string output; ///< both streams, as far as they are of use in a message
};

/// No shell; the first word is a path. Standard input is empty. After 60 s it is killed: a module may hang in
/// it.
ToolEnd run_tool(const std::vector<std::string>& command);

} // namespace ukey::ctl
