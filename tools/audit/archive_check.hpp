// SPDX-License-Identifier: Apache-2.0
// Before records are removed from a ledger: does the file that is to have them really have them?
#pragma once

#include <cstdint>
#include <string>

#include "tools/failure.hpp"

namespace ukey::ctl {

struct ArchiveCheckRequest {
    std::string file;
    std::string workstation; ///< fingerprint of the key that must have signed it
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0; ///< a checkpoint must be there
};

/// Reads the file again and checks all of it. Returns its SHA-256, 64 hexadecimal digits. Errors
/// `file.unreadable`, and `audit.archive_wrong`: it does not hold, is another workstation's, or has not all
/// of these records; an attestation that fails is no reason, it fails in the ledger too. Shows how far it is;
/// blocks.
Outcome<std::string> check_archive(const ArchiveCheckRequest& request);

} // namespace ukey::ctl
