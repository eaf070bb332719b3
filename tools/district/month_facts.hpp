// SPDX-License-Identifier: Apache-2.0
// What the store knows of a month: the facts that the criteria are assessed by.
#pragma once

#include "daemon/core/assessment.hpp"
#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

/// Sessions are those that count by the rule. Blocks. Errors of the database.
Result<MonthFacts> read_month_facts(Database& database, const ChinaMonth& month, const CriterionRule& rule);

} // namespace ukey::ctl::district
