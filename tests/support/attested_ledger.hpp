// SPDX-License-Identifier: Apache-2.0
// A ledger with a login in it that a U-Key signed.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/ledger_sample.hpp"
#include "tests/support/test_certificate.hpp"

namespace ukey::test {

/// One record and an attested login of key 0123456789ab and organisation 1, asked for at `asked`, which its
/// record says began so much later; between the two what is given: kinds and payloads.
LedgerSample with_attested_login(const TestCertificate& certificate, Timestamp asked,
                                 std::chrono::seconds later = {},
                                 const std::vector<std::pair<std::string, std::string>>& between = {});

} // namespace ukey::test
