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

/// The payload of an attested login of user 7, key 0123456789ab and organisation 1, asked for at `asked`
/// behind the ledger's first record; it says that it began so much later.
boost::json::object attested_login(const LedgerSample& ledger, const TestCertificate& certificate,
                                   Timestamp asked, std::chrono::seconds later = {});

/// One record and such a login; between the two what is given: kinds and payloads.
LedgerSample with_attested_login(const TestCertificate& certificate, Timestamp asked,
                                 std::chrono::seconds later = {},
                                 const std::vector<std::pair<std::string, std::string>>& between = {});

} // namespace ukey::test
