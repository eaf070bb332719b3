// SPDX-License-Identifier: Apache-2.0
// ukeyd's options: its command line, and what --help and the manual page say of it.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace ukey {

struct DaemonOptions {
    std::string configuration_path = "/etc/ukeyd/ukeyd.toml";
    std::string state_dir = "/var/lib/ukeyd";
    std::string runtime_dir = "/run/ukeyd";
    /// The ukey-probe executable.
    std::string probe_path;
};

/// Parses into `options`, which must outlive it; what is in there are the defaults.
std::unique_ptr<CLI::App> make_command_line(DaemonOptions& options);

} // namespace ukey
