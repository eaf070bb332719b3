// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/kernel_log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <fcntl.h>
#include <optional>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

/// A record is at most this long (CONSOLE_EXT_LOG_MAX); a log of the largest usual size has 16 MiB.
constexpr std::size_t record_max_bytes = 8192;
constexpr std::size_t log_max_bytes = 16UL * 1024UL * 1024UL;

std::chrono::microseconds since_start() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now); // what the kernel stamps its messages with
    return std::chrono::seconds(now.tv_sec) +
           std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(now.tv_nsec));
}

struct Message {
    std::chrono::microseconds time{0};
    std::string_view text;
};

/// "6,339,5140900,-;usb 1-2: …"; lines that begin with a space belong to the one before.
std::optional<Message> parse_message(std::string_view line) {
    const std::size_t end_of_prefix = line.find(';');
    if (end_of_prefix == std::string_view::npos || line.starts_with(' ')) {
        return std::nullopt;
    }
    std::string_view prefix = line.substr(0, end_of_prefix);
    for (int field = 0; field < 2; ++field) { // level and number
        const std::size_t comma = prefix.find(',');
        if (comma == std::string_view::npos) {
            return std::nullopt;
        }
        prefix.remove_prefix(comma + 1);
    }
    std::int64_t time = 0;
    const auto [end, error] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), time);
    if (error != std::errc()) {
        return std::nullopt;
    }
    return Message{std::chrono::microseconds(time), line.substr(end_of_prefix + 1)};
}

/// The port of "usb 1-2.3: …", "usb usb1-port2: …" or "usb 1-1-port4: …", and what is said of it.
struct Said {
    std::string port;
    std::string_view what;
};

std::optional<Said> said_of_port(std::string_view text) {
    constexpr std::string_view subsystem = "usb ";
    constexpr std::string_view port_word = "-port";
    const std::size_t colon = text.find(": ");
    if (!text.starts_with(subsystem) || colon == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view name = text.substr(subsystem.size(), colon - subsystem.size());
    const std::string_view what = text.substr(colon + 2);
    const std::size_t port = name.find(port_word);
    if (port == std::string_view::npos) {
        return Said{std::string(name), what};
    }
    const std::string_view number = name.substr(port + port_word.size());
    std::string hub(name.substr(0, port));
    const bool at_root = hub.starts_with("usb");
    hub = at_root ? hub.substr(3) + "-" : hub + ".";
    return Said{hub.append(number), what};
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// drivers/usb/core/hub.c and config.c.
bool is_error(std::string_view what) {
    constexpr std::array<std::string_view, 8> errors{"device descriptor read/",
                                                     "device not accepting address",
                                                     "unable to enumerate USB device",
                                                     "can't set config",
                                                     "unable to read config index",
                                                     "can't read configurations",
                                                     "device not responding to setup address",
                                                     "Cannot enable. Maybe the USB cable is bad?"};
    for (const std::string_view error : errors) {
        if (what.starts_with(error)) {
            return true;
        }
    }
    return false;
}

/// The moments of the last minute at which a port's device went away.
class Disconnects {
  public:
    /// How many there are with this one.
    unsigned add(std::chrono::microseconds time) {
        std::erase_if(times_, [&](std::chrono::microseconds earlier) {
            return earlier + std::chrono::minutes(1) < time;
        });
        times_.push_back(time);
        return static_cast<unsigned>(times_.size());
    }

  private:
    std::vector<std::chrono::microseconds> times_;
};

void note(PortTrouble& trouble, Disconnects& disconnects, std::chrono::microseconds time,
          std::string_view what) {
    if (is_error(what)) {
        ++trouble.errors;
        trouble.last_error = to_printable_utf8(what);
    } else if (what.starts_with("New USB device found")) { // what was before is over
        trouble.errors = 0;
        trouble.last_error.clear();
        trouble.no_power = false;
    } else if (has(what, "USB disconnect")) {
        trouble.disconnects = std::max(trouble.disconnects, disconnects.add(time));
    } else if (what.starts_with("reset ")) {
        ++trouble.resets;
    } else if (has(what, "over-current condition")) {
        ++trouble.over_currents;
    } else if (has(what, "insufficient available bus power")) {
        trouble.no_power = true;
    }
}

/// Everything that is there now; each read gives one record.
std::optional<int> read_records(int descriptor, std::string& text) {
    std::array<char, record_max_bytes> record{};
    while (text.size() < log_max_bytes) {
        const ssize_t count = read(descriptor, record.data(), record.size());
        if (count < 0 && errno == EPIPE) {
            continue; // overwritten meanwhile: the next one is there
        }
        if (count < 0 && errno != EAGAIN) {
            return errno;
        }
        if (count <= 0) {
            return std::nullopt;
        }
        text.append(record.data(), static_cast<std::size_t>(count));
    }
    return std::nullopt;
}

} // namespace

std::map<std::string, PortTrouble> parse_kernel_log(std::string_view text, std::chrono::microseconds now) {
    std::map<std::string, PortTrouble> ports;
    std::map<std::string, Disconnects> disconnects;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const auto message = parse_message(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!message || message->time + kernel_log_window < now) {
            continue;
        }
        if (const auto said = said_of_port(message->text)) {
            note(ports[said->port], disconnects[said->port], message->time, said->what);
        }
    }
    std::erase_if(ports, [](const auto& port) { return port.second == PortTrouble(); });
    return ports;
}

KernelLog read_kernel_log(const std::string& path) {
    KernelLog log;
    const int descriptor = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        log.reason = std::generic_category().message(errno);
        return log;
    }
    std::string text;
    const auto error = read_records(descriptor, text);
    close(descriptor);
    log.readable = !error;
    log.reason = error ? std::generic_category().message(*error) : std::string();
    log.ports = parse_kernel_log(text, since_start());
    return log;
}

} // namespace ukey::ctl
