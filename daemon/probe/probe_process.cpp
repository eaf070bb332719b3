// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/probe_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

// glibc 2.36 forgot this header's extern "C".
extern "C" {
#include <sys/pidfd.h>
}

namespace ukey {
namespace {

/// Where the process finds its channel.
constexpr int channel_descriptor = 3;

/// posix_spawn's two option objects, released together.
class SpawnOptions {
  public:
    explicit SpawnOptions(int channel) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        // dup2 onto the same number clears close-on-exec in glibc's implementation of this action.
        posix_spawn_file_actions_adddup2(&actions_, channel, channel_descriptor);
        posix_spawn_file_actions_addclosefrom_np(&actions_, channel_descriptor + 1);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(&attributes_,
                                 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~SpawnOptions() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    SpawnOptions(const SpawnOptions&) = delete; // owns glibc's objects
    SpawnOptions& operator=(const SpawnOptions&) = delete;

    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

tl::unexpected<Error> not_started(const std::string& object, int error) {
    return fail("module.not_started", "start the worker", object, std::generic_category().message(error));
}

} // namespace

Result<ProbeProcess> ProbeProcess::start(const std::string& probe_path, const std::string& name,
                                         const std::string& module_path) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return not_started("socketpair", errno);
    }
    const SpawnOptions options(ends[1]);
    std::array<std::string, 7> arguments = {
        probe_path, "--name", name, "--module", module_path, "--fd", std::to_string(channel_descriptor)};
    std::array<char*, arguments.size() + 1> pointers{};
    for (std::size_t index = 0; index < arguments.size(); ++index) {
        pointers.at(index) = arguments.at(index).data();
    }
    pid_t pid = 0;
    const int error = posix_spawn(&pid, probe_path.c_str(), options.actions(), options.attributes(),
                                  pointers.data(), environ);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return not_started(probe_path, error);
    }
    // Nobody but us reaps it, so the number is still this process's.
    const int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        const int pidfd_error = errno;
        ::kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        close(ends[0]);
        return not_started("pidfd_open", pidfd_error);
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return ProbeProcess(pid, pidfd, ends[0]);
}

ProbeProcess::ProbeProcess(ProbeProcess&& other) noexcept
    : pid_(other.pid_), pidfd_(std::exchange(other.pidfd_, -1)), channel_(std::exchange(other.channel_, -1)) {
}

ProbeProcess::~ProbeProcess() {
    if (channel_ >= 0) {
        close(channel_);
    }
    if (pidfd_ >= 0) {
        kill();
        reap();
    }
}

int ProbeProcess::take_channel() {
    return std::exchange(channel_, -1);
}

void ProbeProcess::kill() noexcept {
    if (pidfd_ >= 0) {
        pidfd_send_signal(pidfd_, SIGKILL, nullptr, 0);
    }
}

std::string ProbeProcess::reap() noexcept {
    // Asio makes the descriptor non-blocking, and waitid() on such a one does not wait.
    pollfd end{pidfd_, POLLIN, 0};
    while (poll(&end, 1, -1) < 0 && errno == EINTR) {
    }
    siginfo_t ended{};
    int result = -1;
    do {
        result = waitid(P_PIDFD, static_cast<id_t>(pidfd_), &ended, WEXITED);
    } while (result != 0 && errno == EINTR);
    close(std::exchange(pidfd_, -1));
    if (result != 0) {
        return "lost";
    }
    if (ended.si_code != CLD_EXITED) {
        const char* name = sigabbrev_np(ended.si_status);
        return name == nullptr ? "signal " + std::to_string(ended.si_status) : "SIG" + std::string(name);
    }
    return "exit status " + std::to_string(ended.si_status);
}

} // namespace ukey
