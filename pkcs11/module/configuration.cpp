// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/configuration.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <unistd.h>

namespace ukey::filter {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<std::string> environment(const char* name) {
    const char* value = secure_getenv(name);
    if (value == nullptr || *value == '\0') {
        return std::nullopt;
    }
    return value;
}

void set_wait(Configuration& configuration, std::string_view value) {
    unsigned wait_ms = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), wait_ms);
    if (error != std::errc() || end != value.data() + value.size() ||
        std::chrono::milliseconds(wait_ms) > login_wait_max) {
        debug_message("wait_ms: not a number from 0 to " + std::to_string(login_wait_max.count()));
        return;
    }
    configuration.login_wait = std::chrono::milliseconds(wait_ms);
}

void set_without_daemon(Configuration& configuration, std::string_view value) {
    configuration.without_daemon = value == "allow" ? WithoutDaemon::allow : WithoutDaemon::refuse;
    if (value != "allow" && value != "refuse") {
        debug_message("without_daemon: neither allow nor refuse, so refuse");
    }
}

/// The words of a value, at most so many.
std::vector<std::string> split(std::string_view value) {
    std::vector<std::string> words;
    while (!(value = trim(value)).empty() && words.size() < configuration_words_max) {
        const std::size_t end = value.find_first_of(blanks);
        words.emplace_back(value.substr(0, end));
        value.remove_prefix(end == std::string_view::npos ? value.size() : end);
    }
    return words;
}

/// The kernel's word on what this process runs.
std::string own_executable() {
    std::array<char, PATH_MAX> path{};
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    return {path.data(), length < 0 ? 0 : static_cast<std::size_t>(length)};
}

void set_guard(Configuration& configuration, std::string_view value) {
    const std::vector<std::string> programs = split(value);
    const std::string own = own_executable();
    configuration.guard_last_try =
        std::any_of(programs.begin(), programs.end(),
                    [&](const std::string& program) { return program == "all" || program == own; });
}

void set(Configuration& configuration, std::string_view key, std::string_view value) {
    if (key == "module") {
        configuration.backend_path = value;
    } else if (key == "login_socket") {
        configuration.login_socket = value;
    } else if (key == "wait_ms") {
        set_wait(configuration, value);
    } else if (key == "without_daemon") {
        set_without_daemon(configuration, value);
    } else if (key == "refuse_new_pins") {
        configuration.refused_new_pins = split(value);
    } else if (key == "guard_last_try") {
        set_guard(configuration, value);
    } else {
        debug_message("unknown key: " + std::string(key));
    }
}

struct FileText {
    std::string text; ///< whole lines
    bool is_whole = true;
};

/// Reads to the file's end or until the buffer is full, which is cut to what was read. False after an error.
bool read_into(int file, std::string& buffer) {
    std::size_t filled = 0;
    ssize_t count = 1;
    while (filled < buffer.size() && count != 0) {
        count = read(file, buffer.data() + filled, buffer.size() - filled);
        if (count < 0 && errno != EINTR) {
            break;
        }
        filled += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    buffer.resize(filled);
    return count >= 0;
}

/// A file that does not exist is empty.
FileText read_file(const std::string& path) {
    FileText file{std::string(configuration_max_bytes + 1, '\0'), false};
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        return {{}, errno == ENOENT || errno == ENOTDIR};
    }
    file.is_whole = read_into(descriptor, file.text) && file.text.size() <= configuration_max_bytes;
    close(descriptor);
    if (!file.is_whole) {
        file.text.resize(file.text.rfind('\n') + 1); // npos + 1 is 0
    }
    return file;
}

/// NAME of a line `[NAME]`.
std::optional<std::string_view> section_of(std::string_view line) {
    const bool is_section = line.size() >= 2 && line.front() == '[' && line.back() == ']';
    return is_section ? std::optional(trim(line.substr(1, line.size() - 2))) : std::nullopt;
}

void apply_line(Configuration& configuration, std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
        debug_message("a line without '=' in the configuration file");
        return;
    }
    set(configuration, trim(line.substr(0, equals)), trim(line.substr(equals + 1)));
}

/// The lines of one section; those above all sections are the section without a name.
void apply_section(Configuration& configuration, std::string_view text, std::string_view wanted) {
    std::string_view section;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trim(text.substr(0, text.find_first_of("#\n")));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (const auto next = section_of(line)) {
            section = *next;
        } else if (!line.empty() && section == wanted) {
            apply_line(configuration, line);
        }
    }
}

} // namespace

std::string_view filter_name(std::string_view library_path) {
    constexpr std::string_view prefix = "ukey-pkcs11-";
    constexpr std::string_view suffix = ".so";
    const std::size_t slash = library_path.rfind('/');
    std::string_view file = library_path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (!file.starts_with(prefix) || !file.ends_with(suffix) ||
        file.size() <= prefix.size() + suffix.size()) {
        return {};
    }
    return file.substr(prefix.size(), file.size() - prefix.size() - suffix.size());
}

Configuration load_configuration(std::string_view filter_name) {
    Configuration configuration;
    const FileText file = read_file(environment("UKEY_PKCS11_CONF").value_or("/etc/ukeyd/pkcs11.conf"));
    apply_section(configuration, file.text, {});
    if (!filter_name.empty()) {
        configuration.backend_path.clear();
        apply_section(configuration, file.text, filter_name);
    } else if (const auto path = environment("UKEY_PKCS11_MODULE")) {
        configuration.backend_path = *path;
    }
    if (const auto path = environment("UKEY_LOGIN_SOCKET")) {
        configuration.login_socket = *path;
    }
    if (const auto wait = environment("UKEY_LOGIN_WAIT_MS")) {
        set_wait(configuration, *wait);
    }
    if (!file.is_whole) {
        debug_message("the configuration file cannot be read to its end: its strictest policy holds");
        configuration.without_daemon = WithoutDaemon::refuse;
        configuration.guard_last_try = true;
    }
    return configuration;
}

void debug_message(std::string_view text) noexcept {
    const char* wanted = secure_getenv("UKEY_PKCS11_DEBUG");
    if (wanted != nullptr && *wanted != '\0') {
        std::fprintf(stderr, "ukey-pkcs11: %.*s\n", static_cast<int>(text.size()), text.data());
    }
}

} // namespace ukey::filter
