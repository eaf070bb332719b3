// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/fix.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/confirmation.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"

namespace ukey::ctl {
namespace {

const std::array fixes{
    Fix{.name = "start_pcscd",
        .title = N_("start the smart-card service pcscd"),
        .commands = {{"systemctl", "start", "pcscd.socket"}}},
    Fix{.name = "restart_pcscd",
        .title = N_("start the smart-card service pcscd anew; programs that use a card are cut off from it"),
        .commands = {{"systemctl", "restart", "pcscd.service"}},
        .interrupts = true},
    Fix{.name = "start_service",
        .title = N_("start the service ukeyd"),
        .commands = {{"systemctl", "start", "ukeyd-login.socket", "ukeyd-control.socket", "ukeyd.service"}}},
    Fix{.name = "reload_udev_rules",
        .title = N_("read the udev rules again, and apply them to the USB devices that are in"),
        .commands = {{"udevadm", "control", "--reload"},
                     {"udevadm", "trigger", "--settle", "--action=change", "--subsystem-match=usb",
                      "--subsystem-match=hidraw"}}},
};

constexpr std::string_view program_folder = "/usr/bin/";

struct Use {
    std::string_view code;
    std::string_view fix;
};
constexpr std::array uses{
    Use{"daemon.unreachable", "start_service"},  Use{"pcscd.absent", "start_pcscd"},
    Use{"pcscd.failed", "restart_pcscd"},        Use{"pcscd.hung", "restart_pcscd"},
    Use{"pcscd.refused", "start_pcscd"},         Use{"reader.stale", "restart_pcscd"},
    Use{"usb.node_denied", "reload_udev_rules"},
};

/// systemctl asks for a password by itself (polkit); for udevadm another program has to.
std::string_view asking_program() {
    for (const char* path : {"/usr/bin/pkexec", "/usr/bin/sudo"}) {
        if (access(path, X_OK) == 0) {
            return path;
        }
    }
    return {};
}

std::vector<std::vector<std::string_view>> commands_of(const Fix& fix) {
    auto commands = fix.commands;
    const std::string_view asking = geteuid() == 0 ? std::string_view() : asking_program();
    for (auto& command : commands) {
        if (!asking.empty() && command.front() != "systemctl") {
            command.front() = "/usr/bin/udevadm";
            command.insert(command.begin(), asking);
        }
    }
    return commands;
}

std::string words_of(const std::vector<std::string_view>& command) {
    std::string line;
    for (const std::string_view word : command) {
        line += (line.empty() ? "" : " ") + std::string(word);
    }
    return line;
}

/// Empty: it ended well.
std::string run(const std::vector<std::string_view>& command) {
    std::vector<std::string> words(command.begin(), command.end());
    if (!words.front().starts_with('/')) {
        words.front().insert(0, program_folder); // not whatever PATH has, should this be root's
    }
    std::vector<char*> arguments;
    std::ranges::transform(words, std::back_inserter(arguments),
                           [](std::string& word) { return word.data(); });
    arguments.push_back(nullptr);
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO); // ours may be JSON
    const int error = posix_spawn(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        return std::strerror(error); // NOLINT(concurrency-mt-unsafe): one thread
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return std::strerror(errno); // NOLINT(concurrency-mt-unsafe): one thread
        }
    }
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status) == 0 ? "" : "exit " + std::to_string(WEXITSTATUS(status));
    }
    return "signal " + std::to_string(WTERMSIG(status));
}

} // namespace

const Fix* fix_for(std::string_view code) {
    const auto use = std::ranges::find(uses, code, &Use::code);
    return use == uses.end() ? nullptr : &*std::ranges::find(fixes, use->fix, &Fix::name);
}

std::vector<const Fix*> fixes_for(std::span<const std::string> codes) {
    std::vector<const Fix*> found;
    for (const std::string& code : codes) {
        const Fix* fix = fix_for(code);
        if (fix != nullptr && std::ranges::find(found, fix) == found.end()) {
            found.push_back(fix);
        }
    }
    return found;
}

std::string command_line(const Fix& fix) {
    std::string line;
    for (const auto& command : commands_of(fix)) {
        line += (line.empty() ? "" : " && ") + words_of(command);
    }
    return line;
}

bool offer_fixes(std::span<const std::string> codes, bool confirmed) {
    bool done = false;
    const auto say_aside = [](const std::string& text) { std::fputs((text + "\n").c_str(), stderr); };
    for (const Fix* fix : fixes_for(codes)) {
        const std::string question = say(N_("This program can {fix}: {command}"),
                                         {{"fix", translate(fix->title)}, {"command", command_line(*fix)}});
        const bool agreed = confirmed && !fix->interrupts;
        if (agreed) {
            say_aside(question);
        } else if (isatty(STDIN_FILENO) == 0) {
            say_aside(question);
            say_aside(explain(fail_with("confirmation.missing").value()).message);
            continue;
        } else if (!ask_to_confirm(question, false)) {
            continue; // the person said no to this one
        }
        if (const auto applied = apply(*fix); applied) {
            done = true;
        } else {
            const Explained failed = explain(applied.error());
            say_aside(failed.message + "\n  → " + failed.remedy);
        }
    }
    return done;
}

Outcome<void> apply(const Fix& fix) {
    const auto commands = commands_of(fix);
    for (std::size_t number = 0; number < commands.size(); ++number) {
        if (const std::string reason = run(commands[number]); !reason.empty()) {
            return fail_with("fix.failed", {{"object", words_of(fix.commands[number])}, {"reason", reason}});
        }
    }
    return {};
}

} // namespace ukey::ctl
