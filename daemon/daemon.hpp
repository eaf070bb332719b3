// SPDX-License-Identifier: Apache-2.0
// ukeyd: what it is made of and in which order it starts and stops.
#pragma once

#include <memory>
#include <string>

#include "daemon/command_line.hpp"
#include "daemon/core/result.hpp"
#include "daemon/settings.hpp"

namespace ukey {

class Daemon {
  public:
    /// Opens the state and the sockets, or takes those that systemd passed. Errors: `state.*`.
    static Result<std::unique_ptr<Daemon>> create(DaemonOptions options, Settings settings);
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
