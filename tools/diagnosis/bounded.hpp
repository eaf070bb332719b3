// SPDX-License-Identifier: Apache-2.0
// A look that may never end, with a deadline: in a process of its own, which is killed then.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace ukey::ctl {

/// What `work` answers in a child process; nothing when it does not end in time, dies, or no process can be
/// had. The child ends with this process, however that ends. Blocks up to `deadline`. The caller must have
/// one thread only.
std::optional<std::string> answer_within(std::chrono::milliseconds deadline,
                                         const std::function<std::string()>& work);

} // namespace ukey::ctl
