// SPDX-License-Identifier: Apache-2.0
// The protocol's fixed words (verdicts, states, reasons) as a person reads them.
#pragma once

#include <string>
#include <string_view>

#include "tools/style.hpp"

namespace ukey::ctl {

/// The word in the reader's language: allow → 可登录, key_removed → 拔出 …; an unknown word stays as it is.
std::string word(std::string_view protocol_word);

/// ✔ ! ✘ for allow, warn, deny; info, warning, error; ok, failed …; a point for anything else.
Cell mark(std::string_view protocol_word);

} // namespace ukey::ctl
