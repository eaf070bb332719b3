// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/points.hpp"

#include <cstdlib>

#include <fmt/format.h>

namespace ukey {

std::string to_string(Points points) {
    const std::int64_t size = std::abs(points.hundredths);
    return fmt::format("{}{}.{:02}", points.hundredths < 0 ? "-" : "", size / 100, size % 100);
}

} // namespace ukey
