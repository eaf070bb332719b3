// SPDX-License-Identifier: Apache-2.0
// The codes that only ukeyctl has, beside those of daemon/core/message_table.cpp.
#pragma once

#include <span>
#include <string_view>

#include "daemon/core/finding.hpp"

namespace ukey::ctl {

/// ukeyctl's own codes, sorted.
std::span<const MessageEntry> local_messages();

/// The entry of a code in either table; nullptr when neither has it.
const MessageEntry* find_message(std::string_view code);

/// The shape Finding of docs/formats/channels.md §4, for a code of either table.
boost::json::object finding_json(const Finding& finding);

} // namespace ukey::ctl
