// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/bounded.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ukey::ctl {
namespace {

constexpr int ended_well = 0;
constexpr int ended_badly = 1;

[[noreturn]] void run_child(pid_t parent, int output, const std::function<std::string()>& work) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(ended_badly); // it ended before that was said
    }
    const std::string answer = work();
    std::size_t written = 0;
    while (written < answer.size()) {
        const ssize_t count = write(output, answer.data() + written, answer.size() - written);
        if (count <= 0) {
            _exit(ended_badly);
        }
        written += static_cast<std::size_t>(count);
    }
    _exit(ended_well);
}

/// Until the end of the stream; false when the time is over before.
bool read_until(std::chrono::steady_clock::time_point deadline, int input, std::string& text) {
    std::array<char, 4096> bytes{};
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd readable{.fd = input, .events = POLLIN, .revents = 0};
        const int ready = left.count() > 0 ? poll(&readable, 1, static_cast<int>(left.count())) : 0;
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        const ssize_t got = ready > 0 ? read(input, bytes.data(), bytes.size()) : -1;
        if (got <= 0) {
            return got == 0;
        }
        text.append(bytes.data(), static_cast<std::size_t>(got));
    }
}

} // namespace

std::optional<std::string> answer_within(std::chrono::milliseconds deadline,
                                         const std::function<std::string()>& work) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(parent, ends[1], work);
    }
    close(ends[1]);
    std::string answer;
    const bool in_time = child > 0 && read_until(end, ends[0], answer);
    close(ends[0]);
    int status = -1;
    if (child > 0) {
        if (!in_time) {
            kill(child, SIGKILL);
        }
        waitpid(child, &status, 0);
    }
    return in_time && status == ended_well ? std::optional(answer) : std::nullopt;
}

} // namespace ukey::ctl
