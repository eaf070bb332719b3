// SPDX-License-Identifier: Apache-2.0
// Who may change a state folder: the service as long as it runs, `ukeyctl state restore` while it works.
#pragma once

#include <string>

#include "daemon/core/durable_file.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// Held until it is destroyed or the process ends, however it ends.
class StateLock {
  public:
    /// Does not wait. Errors `state.in_use`, with the folder and who has it, and `state.unusable`.
    static Result<StateLock> take(const std::string& folder);

  private:
    explicit StateLock(Descriptor file) : file_(std::move(file)) {}

    Descriptor file_;
};

} // namespace ukey
