// SPDX-License-Identifier: Apache-2.0
// ukeyd: what it is made of and in which order it starts and stops.
#pragma once

#include <memory>
#include <string>

#include "daemon/core/configuration.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

struct DaemonOptions {
    std::string configuration_path;
    std::string state_dir;
    std::string runtime_dir;
    /// The ukey-probe executable.
    std::string probe_path;
};

class Daemon {
  public:
    /// Opens the state, the CAs and the sockets. Errors: `state.*`, `trust.unreadable`, `config.*`.
    static Result<std::unique_ptr<Daemon>> create(DaemonOptions options, Configuration configuration);
    ~Daemon();
    Daemon(const Daemon&) = delete; // owns threads and sockets
    Daemon& operator=(const Daemon&) = delete;
    Daemon(Daemon&&) = delete;
    Daemon& operator=(Daemon&&) = delete;

    /// Runs until SIGTERM or SIGINT; blocks.
    void run();

  private:
    struct Parts;
    explicit Daemon(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace ukey
