// SPDX-License-Identifier: Apache-2.0
// ukeyd: reads its options and configuration, and runs the daemon.
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>

#include "daemon/daemon.hpp"

namespace {

// The exit codes of docs/user-guide.md.
constexpr int exit_usage = 2;
constexpr int exit_state = 3;
constexpr int exit_internal = 5;

/// systemd sets JOURNAL_STREAM (systemd.exec(5)): then each line goes to the journal with its priority.
void start_log(const std::string& level) {
    auto logger = getenv("JOURNAL_STREAM") != nullptr ? spdlog::systemd_logger_st("ukeyd")
                                                      : spdlog::stderr_logger_st("ukeyd");
    logger->set_pattern(getenv("JOURNAL_STREAM") != nullptr ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %l %v");
    logger->set_level(spdlog::level::from_str(level));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

std::string folder_of_this_program() {
    std::string path(PATH_MAX, '\0');
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return path.substr(0, path.rfind('/'));
}

/// Beside ukeyd, in the build tree, or where it is installed.
std::string find_probe() {
    const std::string folder = folder_of_this_program();
    for (const std::string& path : {folder + "/ukey-probe", folder + "/probe/ukey-probe"}) {
        if (access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return UKEY_LIBEXEC_DIR "/ukeyd/ukey-probe";
}

int exit_code_of(const ukey::Error& error) {
    return error.code.starts_with("config.") ? exit_usage : exit_state;
}

int run(const ukey::DaemonOptions& options) {
    auto configuration = ukey::load_configuration(options.configuration_path);
    if (!configuration) {
        std::cerr << "ukeyd: " << to_string(configuration.error()) << '\n';
        return exit_usage;
    }
    start_log(configuration->log_level);
    auto settings = ukey::Settings::from(std::move(*configuration));
    auto daemon =
        settings ? ukey::Daemon::create(options, std::move(*settings)) : tl::unexpected(settings.error());
    if (!daemon) {
        spdlog::critical("{} [{}]", to_string(daemon.error()), daemon.error().code);
        return exit_code_of(daemon.error());
    }
    (*daemon)->run();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    ukey::DaemonOptions options;
    options.probe_path = find_probe();
    const auto app = ukey::make_command_line(options);
    try {
        app->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app->exit(error) == 0 ? 0 : exit_usage;
    }
    umask(0077);                   // the database holds personal data
    std::signal(SIGPIPE, SIG_IGN); // a peer that is gone is an error code, not a signal
    std::signal(SIGXFSZ, SIG_IGN); // a full quota likewise
    try {
        return run(options);
    } catch (const std::exception& error) {
        spdlog::critical("internal error: {}", error.what());
        return exit_internal;
    }
}
