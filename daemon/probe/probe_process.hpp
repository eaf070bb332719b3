// SPDX-License-Identifier: Apache-2.0
// One ukey-probe process: started, signalled and reaped through its pidfd, so that no SIGCHLD handler of ours
// meets anybody else's children, and no signal hits a process that took over the number.
#pragma once

#include <sys/types.h>

#include <string>

#include "daemon/core/result.hpp"

namespace ukey {

/// A started process and our end of the socketpair to it.
class ProbeProcess {
  public:
    /// posix_spawn with the channel on descriptor 3, stdin from /dev/null, no other descriptor inherited,
    /// default signals, a process group of its own (Ctrl-C on the daemon must not kill it before its module
    /// is finalised). Error `module.not_started` with the system's reason.
    static Result<ProbeProcess> start(const std::string& probe_path, const std::string& name,
                                      const std::string& module_path);

    /// Kills with SIGKILL and reaps, unless reaped already.
    ~ProbeProcess();
    ProbeProcess(ProbeProcess&& other) noexcept;
    ProbeProcess& operator=(ProbeProcess&&) = delete;
    ProbeProcess(const ProbeProcess&) = delete; // one reaping for one process
    ProbeProcess& operator=(const ProbeProcess&) = delete;

    pid_t pid() const { return pid_; }
    /// Readable once the process has ended. Stays ours.
    int pidfd() const { return pidfd_; }
    /// Our end of the channel, non-blocking; the caller takes it over.
    int take_channel();

    void kill() noexcept;

    /// Waits for the end, which is immediate once pidfd() is readable. "SIGSEGV" for a signal, or "exit
    /// status 3".
    std::string reap() noexcept;

  private:
    ProbeProcess(pid_t pid, int pidfd, int channel) : pid_(pid), pidfd_(pidfd), channel_(channel) {}

    pid_t pid_;
    int pidfd_;   ///< -1: reaped, or moved from
    int channel_; ///< -1: taken
};

} // namespace ukey
