// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/core/assessment.hpp"
#include "tools/verb.hpp"

namespace ukey::ctl {

/// This computer's assessment of a month, from the service. Errors of the call, and `control.bad_answer` for
/// an answer that is none (of a much older service). Blocks.
Outcome<MonthAssessment> fetch_month(const Context& context, const ChinaMonth& month);

} // namespace ukey::ctl
