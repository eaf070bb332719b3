// SPDX-License-Identifier: Apache-2.0
#include "tools/setup/run_tool.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace ukey::ctl {
namespace {

constexpr std::chrono::seconds time_max{60};
constexpr std::size_t output_max_bytes = 4096;

/// Until the other end closes; false when the time was up.
bool read_output(int pipe, std::string& output) {
    const auto end = std::chrono::steady_clock::now() + time_max;
    std::array<char, 1024> part{};
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd readable{pipe, POLLIN, 0};
        if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) == 0) {
            return false;
        }
        const ssize_t count = read(pipe, part.data(), part.size());
        if (count <= 0) {
            return true;
        }
        if (output.size() < output_max_bytes) {
            output.append(part.data(), static_cast<std::size_t>(count));
        }
    }
}

} // namespace

ToolEnd run_tool(const std::vector<std::string>& command) {
    ToolEnd ended;
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
        return ended;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str())); // posix_spawn does not change them
    }
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int error = posix_spawn(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe[1]);
    if (error == 0) {
        if (!read_output(pipe[0], ended.output)) {
            kill(child, SIGKILL);
        }
        int status = 0;
        waitpid(child, &status, 0);
        ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    } else {
        ended.output = std::generic_category().message(error);
    }
    close(pipe[0]);
    return ended;
}

} // namespace ukey::ctl
