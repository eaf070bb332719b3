// SPDX-License-Identifier: Apache-2.0
// ukey-probe: the process that loads a PKCS#11 module, so that nobody else has to.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include "daemon/core/configuration.hpp"
#include "daemon/probe/person.hpp"
#include "daemon/probe/service.hpp"

namespace {

using namespace std::chrono_literals;
using namespace ukey::probe;

/// As a service of its own user this process cannot be killed by the daemon: it ends itself, some time after
/// the daemon's deadline of 10 s has reported it.
constexpr auto own_deadline_as_service = 15s;

constexpr int exit_usage = 2;
constexpr int exit_no_connection = 4;

struct Options {
    std::string name;
    std::string configuration_path;
    std::string module_path;
    int descriptor = -1;
    std::string person;
    unsigned times = 1;
    std::vector<std::string> ciphertexts;
    std::string token_serial;
    int pin_descriptor = -1;
    bool allow_final_try = false;
};

/// What vendors' modules print must not get into what we write to stdout. Returns stdout's duplicate.
int move_stdout_to_stderr() {
    const int output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    return output;
}

/// The one connection of the socket that systemd passed; -1 with a word on stderr when there is none.
int accept_from_systemd() {
    if (sd_listen_fds(1) != 1) {
        std::fprintf(stderr, "ukey-probe: neither --fd nor one socket from systemd\n");
        return -1;
    }
    const int connection = accept4(SD_LISTEN_FDS_START, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) {
        std::fprintf(stderr, "ukey-probe: accept: %s\n", std::strerror(errno));
    }
    close(SD_LISTEN_FDS_START);
    return connection;
}

/// The module of that name in ukeyd's configuration; empty, with a word on stderr, when there is none.
std::string configured_module(const Options& options) {
    const auto configuration = ukey::load_configuration(options.configuration_path);
    if (!configuration) {
        std::fprintf(stderr, "ukey-probe: %s\n", to_string(configuration.error()).c_str());
        return {};
    }
    const auto module =
        std::ranges::find(configuration->modules, options.name, &ukey::ModuleConfiguration::name);
    if (module == configuration->modules.end()) {
        std::fprintf(stderr, "ukey-probe: %s has no module named %s\n", options.configuration_path.c_str(),
                     options.name.c_str());
        return {};
    }
    return module->path;
}

int run_service(const Options& options) {
    close(move_stdout_to_stderr());
    if (options.descriptor >= 0) {
        // The daemon's end takes this process along; its socket's end would too, but not out of a hanging
        // module.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        // A child that the module makes must not hold the channel open.
        fcntl(options.descriptor, F_SETFD, FD_CLOEXEC);
        return serve(options.descriptor, {.module_path = options.module_path, .own_deadline = {}});
    }
    const int connection = accept_from_systemd();
    if (connection < 0) {
        return exit_no_connection;
    }
    // After the connection is taken: left in the queue it would start this process again and again.
    const std::string module_path =
        options.module_path.empty() ? configured_module(options) : options.module_path;
    if (module_path.empty()) {
        return exit_usage;
    }
    return serve(connection, {.module_path = module_path, .own_deadline = own_deadline_as_service});
}

int run_as_person(const Options& options) {
    // A crash of the module must not write a PIN to a core file.
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (options.person != "change-pin") {
        // A test is for nobody once ukeyctl has gone. A change of the PIN is not broken off.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    static const std::map<std::string, PersonVerb> verbs = {{"list", PersonVerb::list},
                                                            {"change-pin", PersonVerb::change_pin},
                                                            {"self-test", PersonVerb::self_test}};
    PersonOptions person{.verb = verbs.at(options.person),
                         .module_path = options.module_path,
                         .token_serial = options.token_serial,
                         .pin_descriptor = {},
                         .allow_final_try = options.allow_final_try,
                         .times = options.times,
                         .ciphertexts = options.ciphertexts};
    if (options.pin_descriptor >= 0) {
        person.pin_descriptor = options.pin_descriptor;
        fcntl(options.pin_descriptor, F_SETFD, FD_CLOEXEC);
    }
    return run_person(person, move_stdout_to_stderr());
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App application("Loads one PKCS#11 module for ukeyd, or for a person's own ukeyctl.", "ukey-probe");
    application.set_version_flag("--version", std::string(UKEY_VERSION));
    application.add_option("--name", options.name, "The module's name, to be seen in a list of processes");
    auto* module = application.add_option("--module", options.module_path, "The module's file");
    application
        .add_option("--config", options.configuration_path,
                    "ukeyd's configuration, where the module's file is under --name")
        ->excludes(module);
    application.add_option("--fd", options.descriptor, "Serve the daemon's connection on this descriptor")
        ->check(CLI::NonNegativeNumber);
    auto* person = application.add_option("--person", options.person, "Do one thing for a person and end")
                       ->check(CLI::IsMember({"list", "change-pin", "self-test"}));
    application.add_option("--slot-serial", options.token_serial, "The serial of the token to use")
        ->needs(person);
    application
        .add_option("--pin-fd", options.pin_descriptor,
                    "Read PINs from this descriptor, one a line (default: stdin)")
        ->needs(person)
        ->check(CLI::NonNegativeNumber);
    application
        .add_flag("--allow-final-try", options.allow_final_try,
                  "Change the PIN although a wrong one would lock the key")
        ->needs(person);
    application.add_option("--times", options.times, "Of the self-test: so many signatures")
        ->needs(person)
        ->check(CLI::Range(1U, self_test_times_max));
    application
        .add_option("--decrypt", options.ciphertexts,
                    "Of the self-test: a ciphertext for a private key, CKA_ID:BYTES in hexadecimal")
        ->needs(person);
    try {
        application.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return application.exit(error) == 0 ? 0 : exit_usage;
    }
    if (options.module_path.empty() && options.configuration_path.empty()) {
        std::fprintf(stderr, "ukey-probe: --module or --config and --name are needed\n");
        return exit_usage;
    }
    if (!options.person.empty() || options.descriptor >= 0) {
        options.module_path = options.module_path.empty() ? configured_module(options) : options.module_path;
        if (options.module_path.empty()) {
            return exit_usage;
        }
    }
    return options.person.empty() ? run_service(options) : run_as_person(options);
}
