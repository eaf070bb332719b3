// SPDX-License-Identifier: Apache-2.0
// Shell completions for ukeyctl, from the same tables as --help.
#pragma once

#include <string>

#include "tools/documents/command_tree.hpp"

namespace ukey::documents {

std::string bash_completion(const CommandText& ukeyctl);
std::string zsh_completion(const CommandText& ukeyctl);
std::string fish_completion(const CommandText& ukeyctl);

} // namespace ukey::documents
