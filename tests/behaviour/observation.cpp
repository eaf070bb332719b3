// SPDX-License-Identifier: Apache-2.0
#include "tests/behaviour/observation.hpp"

#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

#include "pkcs11/client/rv_name.hpp"

namespace ukey::behaviour {
namespace {

constexpr CK_ULONG small_handle_max = 4096;
constexpr unsigned child_deadline_s = 20;

int status_of_child(const std::function<void()>& work) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(child_deadline_s); // not inherited; a call that blocks is a result too
        work();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

} // namespace

void write_line(const std::string& step, const std::string& rest) {
    const std::string line = step + ":" + rest + "\n";
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

std::string name_of(CK_RV rv) {
    return pkcs11::rv_name(rv);
}

void isolated(const std::string& step, const std::function<void()>& work) {
    const int status = status_of_child(work);
    if (WIFSIGNALED(status)) {
        note(step, "signal", WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        note(step, "exit", WEXITSTATUS(status));
    }
}

bool crashes_in_child(const std::function<void()>& work) {
    return WIFSIGNALED(status_of_child(work));
}

void by_chance(const std::string& step, int failed, int times) {
    note("by chance: " + step, failed, "of", times);
}

std::string handle_text(CK_ULONG handle) {
    return handle <= small_handle_max ? std::to_string(handle) : "address";
}

} // namespace ukey::behaviour
