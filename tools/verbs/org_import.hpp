// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include "daemon/core/registry_file.hpp"

namespace ukey::ctl {

/// The most that one frame may carry (docs/formats/channels.md §4).
constexpr std::size_t import_frame_max_rows = 500;
/// Well below the frame's 1 MiB: cells may be long.
constexpr std::size_t import_frame_max_bytes = 512UL * 1024UL;

/// Row of `org.import`: the members of Organisation and `line`.
boost::json::object to_json(const RegistryRow& row);

/// The rows cut into lists that each fit one frame.
std::vector<boost::json::array> import_frames(const std::vector<RegistryRow>& rows);

} // namespace ukey::ctl
