// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/diagnosis/doctor.hpp"
#include "tools/progress.hpp"
#include "tools/verb.hpp"

namespace ukey::ctl {

/// Asks the daemon and looks around: what doctor and diagnose start from. Blocks for milliseconds, or while
/// the service or pcscd does not answer up to five seconds; `stage` shows meanwhile what is asked.
ComputerView look_at_computer(const Context& context, StageLine& stage);

/// What to look for in the processes of this computer.
CoverageQuestion coverage_question(const ComputerView& view);

} // namespace ukey::ctl
