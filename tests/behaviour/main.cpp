// SPDX-License-Identifier: Apache-2.0
// Tells what a PKCS#11 module does, so that two modules can be compared line by line.
//
//   pkcs11_behaviour --list                    the names of all behaviours
//   pkcs11_behaviour MODULE [--only NAME]      runs them, each in a process of its own
//
// Each behaviour is a line "## name", its observations, and "## end exit 0" (or "signal N").
#include <array>
#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "tests/behaviour/behaviours.hpp"

namespace ukey::behaviour {
namespace {

/// A behaviour that hangs ends by SIGALRM. Sanitizers make sixteen threads slow.
constexpr unsigned behaviour_deadline_s = 90;

std::vector<Behaviour> all() {
    std::vector<Behaviour> table;
    for (const auto part : {start_behaviours(), session_behaviours(), login_behaviours(), key_behaviours(),
                            process_behaviours(), thread_behaviours()}) {
        table.insert(table.end(), part.begin(), part.end());
    }
    return table;
}

void run_apart(const char* module, std::string_view name) {
    std::printf("## %s\n", std::string(name).c_str());
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const std::string wanted(name);
        execl("/proc/self/exe", "pkcs11_behaviour", module, "--only", wanted.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("## end %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    std::fflush(stdout);
}

int run(int argc, char** argv) {
    const std::vector<Behaviour> table = all();
    if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
        for (const Behaviour& behaviour : table) {
            std::printf("%s\n", std::string(behaviour.name).c_str());
        }
        return 0;
    }
    if (argc == 2) {
        for (const Behaviour& behaviour : table) {
            run_apart(argv[1], behaviour.name);
        }
        return 0;
    }
    if (argc != 4 || std::strcmp(argv[2], "--only") != 0) {
        std::fputs("usage: pkcs11_behaviour --list | MODULE [--only NAME]\n", stderr);
        return 2;
    }
    for (const Behaviour& behaviour : table) {
        if (behaviour.name == argv[3]) {
            alarm(behaviour_deadline_s);
            behaviour.run(argv[1]);
            return 0;
        }
    }
    std::fputs("no such behaviour\n", stderr);
    return 2;
}

} // namespace
} // namespace ukey::behaviour

int main(int argc, char** argv) {
    return ukey::behaviour::run(argc, argv);
}
