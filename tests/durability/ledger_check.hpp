// SPDX-License-Identifier: Apache-2.0
// A database that went through something: is it whole, is all there that was acknowledged, and do its tables
// say what its ledger says?
#pragma once

#include <string>

#include "tests/durability/history.hpp"

namespace ukey::test {

/// Opens the database as the service does at its start and looks; empty when all is well, else what is not.
/// `refused_are_absent`: nothing of a login that was refused may be there.
std::string why_not_whole(const std::string& path, const Acknowledged& acknowledged, bool refused_are_absent);

} // namespace ukey::test
