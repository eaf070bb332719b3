// SPDX-License-Identifier: Apache-2.0
// `ukeyctl state restore`: puts a backup in the place of what is in the state folder.
#pragma once

#include <functional>
#include <string>

#include "daemon/store/backup.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

/// In their order. Before `exchanged` everything is as it was, but for files that the next run takes away or
/// uses; from `exchanged` on all of it is restored.
enum class RestoreStep {
    copied,             ///< beside the state folder
    checked,            ///< and nothing speaks against it
    made_ready,         ///< as it will be, with the key
    configuration_kept, ///< that of the backup is in a file
    named,              ///< the new folder has the name under which the old one will be kept
    exchanged,          ///< it has the old one's place, and that one its name
};

struct RestoreRequest {
    std::string file;
    std::string state_dir;
    std::string configuration; ///< the service's file; it need not be there
    bool replace = false;      ///< also what has records that the backup does not have
    /// Called after each step, for tests of what is there when it ends here.
    std::function<void(RestoreStep)> after = [](RestoreStep) {};
};

struct Restored {
    BackupFacts facts;
    std::string kept; ///< the folder with the state that was there; empty: there was none
    /// Where the backup's configuration was written; empty: it had none, or the same one is there.
    std::string configuration;
    bool configuration_differs = false; ///< another one is in force, and was left alone
};

/// Checks everything first; then exchanges the whole folder in one step. What was there is kept beside it
/// under a dated name. Shows progress. Errors: `state.needs_root`, `state.in_use` (the service runs),
/// `backup.malformed`, `backup.damaged`, `state.newer`, `state.has_records` and `state.unknown_records`
/// (without `replace`), `file.*`, `state.unusable`. Blocks.
Outcome<Restored> restore(const RestoreRequest& request);

} // namespace ukey::ctl
