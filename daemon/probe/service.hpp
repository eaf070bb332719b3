// SPDX-License-Identifier: Apache-2.0
// ukey-probe's work for the daemon: one module, one connection (docs/formats/channels.md §2).
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace ukey::probe {

struct ServiceOptions {
    std::string module_path;
    /// Ends this process when a call into the module takes longer; for when the daemon may not kill it.
    std::optional<std::chrono::seconds> own_deadline;
};

/// Exit status after a `failed` frame.
constexpr int exit_module_failed = 3;

/// Serves the connection until its end and returns the exit status. Takes the descriptor. Does not return,
/// but leaves the process with status 0, when the module does not let go of its thread or of C_Finalize.
int serve(int descriptor, const ServiceOptions& options);

} // namespace ukey::probe
