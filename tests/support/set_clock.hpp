// SPDX-License-Identifier: Apache-2.0
// A clock that stands still until it is set.
#pragma once

#include "daemon/core/clock.hpp"

namespace ukey::test {

class SetClock final : public Clock {
  public:
    Timestamp now() const override { return time; }
    std::chrono::microseconds boottime() const override { return uptime; }

    Timestamp time{};
    std::chrono::microseconds uptime{0};
};

} // namespace ukey::test
