// SPDX-License-Identifier: Apache-2.0
// Is a module's file there, and for this kind of processor? dlopen says "wrong ELF class" at best;
// technicians need more.
#pragma once

#include <string>

#include "daemon/core/result.hpp"

namespace ukey::pkcs11 {

/// Reads the first bytes of the file and compares them with those of the running program. Errors
/// `module.missing` (object = path, reason from the system) and `module.wrong_architecture` (reason "AArch64
/// 64-bit, not x86-64 64-bit"). A file that is not ELF at all passes: dlopen has the words for it. Blocks for
/// a file read.
Result<void> check_module_file(const std::string& path);

} // namespace ukey::pkcs11
