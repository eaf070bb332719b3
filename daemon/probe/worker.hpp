// SPDX-License-Identifier: Apache-2.0
// The daemon's side of one PKCS#11 module: starts ukey-probe, hears what it sees, kills it when it hangs,
// starts it again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "daemon/core/finding.hpp"
#include "daemon/core/token.hpp"

namespace ukey {

struct WorkerOptions {
    /// The module's name in the configuration; subject of its findings.
    std::string name;
    std::string module_path;
    /// The ukey-probe executable. Not used with a socket path.
    std::string probe_path;
    /// Connect here (ukey-probe@NAME.service behind it) instead of starting a process.
    std::optional<std::string> socket_path;
    /// From start, `busy` or a request to its answer. Slow cards take 1 to 2 s for a full read.
    std::chrono::milliseconds deadline = std::chrono::seconds(10);
    std::chrono::milliseconds backoff_first{500};
    std::chrono::milliseconds backoff_max = std::chrono::seconds(60);
    /// Having run for so long, the next failure starts at backoff_first again.
    std::chrono::milliseconds stable_after = std::chrono::seconds(60);
    /// From stop() to SIGKILL.
    std::chrono::milliseconds stop_grace = std::chrono::seconds(3);

    bool operator==(const WorkerOptions&) const = default;
};

enum class WorkerState {
    starting, ///< started; its first slot list is not in yet
    running,  ///< slots() is what the module says
    failed,   ///< the module cannot be used as it is; tried again at refresh() or when its file changes
    waiting,  ///< nothing runs: back-off before the next start, or not started, or stopped
};
std::string_view to_string(WorkerState state);

/// One per configured module. Everything happens on the executor's thread (one thread, or a strand); nothing
/// blocks. Callbacks are called from the executor, never from within a call of a method, never after stop()'s
/// callback or the destructor. They may call any method, but must not destroy the Worker.
class Worker {
  public:
    struct Events {
        /// state(), findings(), restarts(), pid() or module() may be different.
        std::function<void()> state_changed;
        /// slots() is different.
        std::function<void()> slots_changed;
    };

    Worker(boost::asio::any_io_executor executor, WorkerOptions options, Events events);
    /// Kills the process if it still runs and reaps it. stop() is the polite way.
    ~Worker();
    Worker(const Worker&) = delete; // owns a process
    Worker& operator=(const Worker&) = delete;
    Worker(Worker&&) = delete;
    Worker& operator=(Worker&&) = delete;

    void start();

    /// Has the module's slots looked at. `hold`: slots with an open login session, whose tokens are not to be
    /// touched; it stays in force, over restarts too, until the next refresh(). While an answer is
    /// outstanding, calls are made one. In state `failed` it is the occasion for another start, after
    /// backoff_first; in `waiting` it changes nothing.
    void refresh(std::vector<std::uint64_t> hold);

    /// Has one token's information (PIN flags) read again. Nothing happens unless running.
    void reread(std::uint64_t slot);

    /// A wait for slot events has failed since the process began: whether later ones hear anything is not
    /// known.
    bool events_failed() const;

    /// A new process in the place of the one that runs, or at once instead of later: what the module holds
    /// from before is of no use any more. Nothing happens in state `failed`, or before start().
    void restart();

    /// Closes the channel, waits up to stop_grace for the module's C_Finalize, kills; `stopped` is called
    /// once the process is reaped. start() may be called again afterwards.
    void stop(std::function<void()> stopped);

    const WorkerOptions& options() const;
    WorkerState state() const;
    /// The last slot list. After a crash it stays as it was until the module runs again: a crash proves
    /// nothing about a key. Compare with state().
    const std::vector<SlotReport>& slots() const;
    /// At most one, subject = name: `module.missing`, `.wrong_architecture`, `.not_loadable`, `.not_pkcs11`,
    /// `.initialize_failed`, `.crashed`, `.hung`, `.garbage`. Stays until the module has answered again.
    std::vector<Finding> findings() const;
    /// From the last `hello`; empty before.
    const std::optional<ModuleReport>& module() const;
    /// Starts after the first one.
    int restarts() const;
    /// Of the running process; nullopt without one, or with a socket path.
    std::optional<pid_t> pid() const;
    /// In state `waiting`, until the next start; nullopt when none is planned.
    std::optional<std::chrono::milliseconds> next_try_in() const;

  private:
    class Machine;
    std::shared_ptr<Machine> machine_;
};

} // namespace ukey
