// SPDX-License-Identifier: Apache-2.0
// `ukeyctl state backup`: the service's state in one file, while the service runs or while it does not.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/store/backup.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

struct BackupRequest {
    std::string state_dir;
    std::string configuration; ///< the service's file; it need not be there
    std::string output;
};

struct BackupMade {
    BackupFacts facts;
    std::uintmax_t bytes = 0; ///< of the file
};

/// Makes the file, with mode 0600, whole and on disk, or none. Shows progress. Errors `file.other_content`
/// (there is one of that name), `file.unwritable`, `file.unreadable`, `state.*`, `workstation.key_unusable`.
/// Blocks.
Outcome<BackupMade> back_up(const BackupRequest& request);

} // namespace ukey::ctl
