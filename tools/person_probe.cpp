// SPDX-License-Identifier: Apache-2.0
#include "tools/person_probe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>

#include "tools/json_view.hpp"

extern char** environ; // POSIX: declared by the program itself

namespace ukey::ctl {
namespace {

/// The descriptor that ukey-probe finds the PINs on.
constexpr int probe_pin_descriptor = 3;
/// A thousand signatures of the largest keys in use.
constexpr std::size_t probe_answer_max_bytes = 4UL * 1024UL * 1024UL;

/// Both ends of a pipe, closed on destruction and on exec.
class Pipe {
  public:
    Pipe() {
        if (pipe2(ends_.data(), O_CLOEXEC) != 0) {
            ends_ = {-1, -1};
        }
    }
    Pipe(const Pipe&) = delete; // owns the descriptors
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    bool valid() const { return ends_[0] >= 0; }
    int reading() const { return ends_[0]; }
    int writing() const { return ends_[1]; }
    void close_reading() { close_end(0); }
    void close_writing() { close_end(1); }

  private:
    void close_end(std::size_t end) {
        if (ends_.at(end) >= 0) {
            close(std::exchange(ends_.at(end), -1));
        }
    }
    std::array<int, 2> ends_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        all.push_back(text.data());
    }
    all.push_back(nullptr);
    return all;
}

/// The caller's environment, with what tells the filter its backend and the daemon's socket.
std::vector<std::string> environment_for(const PersonProbe& change) {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        if (!text.starts_with("UKEY_PKCS11_MODULE=") && !text.starts_with("UKEY_LOGIN_SOCKET=")) {
            variables.push_back(text);
        }
    }
    variables.push_back("UKEY_PKCS11_MODULE=" + change.backend);
    variables.push_back("UKEY_LOGIN_SOCKET=" + change.login_socket);
    return variables;
}

/// 0 or an errno; the child has the PIN pipe as descriptor 3 and the answer pipe as standard output.
int start(const PersonProbe& probe, std::vector<std::string> arguments, const Pipe& pins, const Pipe& answer,
          pid_t& child) {
    std::vector<std::string> environment = environment_for(probe);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // The answer first: descriptor 3 may be any of the pipes' own, and dup2 onto it closes that.
    posix_spawn_file_actions_adddup2(&actions, answer.writing(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pins.reading(), probe_pin_descriptor);
    const int error = posix_spawn(&child, probe.probe.c_str(), &actions, nullptr, pointers(arguments).data(),
                                  pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

bool write_line(int descriptor, const Secret& secret) {
    const auto bytes = secret.bytes();
    return write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
           write(descriptor, "\n", 1) == 1; // far below PIPE_BUF: never partial
}

/// Everything until the end of the stream; what there is by then when the time is over.
std::string read_answer(int descriptor, std::chrono::seconds wait) {
    const auto deadline = std::chrono::steady_clock::now() + wait;
    std::string text;
    std::array<char, 4096> bytes{};
    while (text.size() < probe_answer_max_bytes) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd readable{.fd = descriptor, .events = POLLIN, .revents = 0};
        const int ready = left.count() > 0 ? poll(&readable, 1, static_cast<int>(left.count())) : 0;
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        const ssize_t got = ready > 0 ? read(descriptor, bytes.data(), bytes.size()) : 0;
        if (got <= 0) {
            break;
        }
        text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text;
}

std::vector<std::string> arguments_for(const PersonProbe& probe, const std::string& verb,
                                       const std::vector<std::string>& options) {
    std::vector<std::string> arguments{probe.probe,  "--person",   verb,
                                       "--module",   probe.module, "--slot-serial",
                                       probe.serial, "--pin-fd",   std::to_string(probe_pin_descriptor)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
}

bool write_lines(int descriptor, std::initializer_list<const Secret*> secrets) {
    return std::ranges::all_of(secrets,
                               [&](const Secret* secret) { return write_line(descriptor, *secret); });
}

/// The probe's answer to a change of the PIN: a return value, or the parts of an Error.
Outcome<std::string> understand(const boost::json::object& answer) {
    const std::string rv = raw_text(answer, "rv");
    const std::string code = raw_text(answer, "code");
    if (!rv.empty()) {
        return rv;
    }
    if (!code.empty()) {
        const std::string object = text_of(answer, "object");
        const std::string reason = text_of(answer, "reason");
        return tl::unexpected(Failure{
            code, {{"object", object}, {"path", object}, {"reason", reason}}, object + ": " + reason});
    }
    return fail_with("pin.change_unknown", {{"reason", "ukey-probe's answer is not understood"}});
}

} // namespace

Outcome<boost::json::object> run_person_probe(const PersonProbe& probe, const std::string& verb,
                                              const std::vector<std::string>& options,
                                              std::initializer_list<const Secret*> pins,
                                              std::chrono::seconds wait, const std::string& code_if_unknown) {
    Pipe pin_pipe;
    Pipe answer_pipe;
    if (!pin_pipe.valid() || !answer_pipe.valid()) {
        return fail_with("internal.error", {{"reason", std::generic_category().message(errno)}});
    }
    // A probe that dies before it reads must not end ukeyctl.
    std::signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for SIGPIPE
    pid_t child = 0;
    const int error = start(probe, arguments_for(probe, verb, options), pin_pipe, answer_pipe, child);
    if (error != 0) {
        return fail_with("pin.no_probe", {{"reason", std::generic_category().message(error)}});
    }
    pin_pipe.close_reading();
    answer_pipe.close_writing();
    const bool written = write_lines(pin_pipe.writing(), pins);
    pin_pipe.close_writing();
    const std::string text = read_answer(answer_pipe.reading(), wait);
    kill(child, SIGKILL); // it has answered, or its time is over
    int status = 0;
    waitpid(child, &status, 0);
    boost::system::error_code malformed;
    const boost::json::value answer = boost::json::parse(text, malformed);
    if (!malformed && answer.is_object()) {
        return answer.get_object(); // a refusal may come before the PINs are read
    }
    const char* reason = !written       ? "ukey-probe did not take the PINs"
                         : text.empty() ? "ukey-probe gave no answer"
                                        : "ukey-probe's answer is not understood";
    return fail_with(code_if_unknown, {{"reason", reason}});
}

Outcome<std::string> change_pin(const PersonProbe& change, const PinPair& pins, std::chrono::seconds wait) {
    return run_person_probe(change, "change-pin", {}, {&pins.old_pin, &pins.new_pin}, wait,
                            "pin.change_unknown")
        .and_then(understand);
}

Outcome<void> judge_pin_change(const std::string& rv) {
    if (rv == "CKR_OK") {
        return {};
    }
    if (rv == "CKR_PIN_INCORRECT") {
        return fail_with("pin.incorrect");
    }
    if (rv == "CKR_PIN_LOCKED") {
        return fail_with("pin.locked");
    }
    if (rv == "CKR_PIN_LEN_RANGE" || rv == "CKR_PIN_INVALID") {
        return fail_with("pin.new_refused", {{"rv", rv}});
    }
    return fail_with("pin.change_failed", {{"rv", rv}});
}

} // namespace ukey::ctl
