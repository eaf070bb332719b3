// SPDX-License-Identifier: Apache-2.0
// Where the program's companions are: beside it in a build tree, else where they are installed.
#pragma once

#include <filesystem>
#include <string>

namespace ukey::ctl {

/// Folder of the running program.
std::filesystem::path program_folder();

/// ukey-probe; empty when it is nowhere.
std::string find_probe();

/// The filter module, ukey-pkcs11.so; empty when it is nowhere.
std::string find_filter();

} // namespace ukey::ctl
