// SPDX-License-Identifier: Apache-2.0
// The 50 assessed units of 2013 (daemon/system/assessed_units_2013.csv), which organisations are counted
// under.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ukey {

/// The code ("01" … "50") of a unit by its code, also without its leading zero, or by its short name.
std::optional<std::string> assessed_unit_code(std::string_view text);
/// The short name by the code; empty when there is no such code.
std::string assessed_unit_name(std::string_view code);

} // namespace ukey
