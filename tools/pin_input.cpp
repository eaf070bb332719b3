// SPDX-License-Identifier: Apache-2.0
#include "tools/pin_input.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <string_view>
#include <termios.h>
#include <unistd.h>

#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

/// The trade's default PINs (docs: DOMAIN, PINs).
constexpr auto default_pins = std::to_array<std::string_view>({"123456", "12345678", "111111", "000000"});

/// The controlling terminal with echo off; puts it back as it was.
class QuietTerminal {
  public:
    QuietTerminal() : descriptor_(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
        if (descriptor_ < 0 || tcgetattr(descriptor_, &before_) != 0) {
            return;
        }
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        // ISIG off: Ctrl+C must not leave the terminal without echo. It arrives as a character, and ends the
        // entry.
        quiet.c_lflag &= ~static_cast<tcflag_t>(ISIG);
        ready_ = tcsetattr(descriptor_, TCSAFLUSH, &quiet) == 0;
    }
    QuietTerminal(const QuietTerminal&) = delete; // puts the terminal back once
    QuietTerminal& operator=(const QuietTerminal&) = delete;
    ~QuietTerminal() {
        if (ready_) {
            tcsetattr(descriptor_, TCSAFLUSH, &before_);
        }
        if (descriptor_ >= 0) {
            close(descriptor_);
        }
    }

    bool ready() const { return ready_; }
    int descriptor() const { return descriptor_; }
    void say_line(const std::string& text) const { (void)!write(descriptor_, text.data(), text.size()); }

  private:
    int descriptor_;
    termios before_{};
    bool ready_ = false;
};

constexpr unsigned char interrupt_character = 3; // Ctrl+C
constexpr unsigned char quit_character = 28;     // Ctrl+backslash

/// One line without its end, byte by byte so that no more than the line is taken; nullopt at an interrupt, an
/// error, or when it is longer than a PIN can be.
std::optional<Secret> read_line(int descriptor) {
    std::array<unsigned char, pin_max_bytes> line{};
    std::size_t length = 0;
    std::optional<Secret> secret;
    while (true) {
        unsigned char byte = 0;
        const ssize_t got = read(descriptor, &byte, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || byte == interrupt_character || byte == quit_character) {
            break;
        }
        if (got == 0 || byte == '\n') {
            secret.emplace(std::span<const unsigned char>(line.data(), length));
            break;
        }
        if (byte == '\r') {
            continue;
        }
        if (length == line.size()) {
            break;
        }
        line[length++] = byte;
    }
    explicit_bzero(line.data(), line.size());
    return secret;
}

std::optional<Secret> ask(const QuietTerminal& terminal, const std::string& question) {
    terminal.say_line(question);
    auto answer = read_line(terminal.descriptor());
    terminal.say_line("\n");
    return answer;
}

} // namespace

Outcome<PinPair> ask_for_pins(const std::string& key) {
    const QuietTerminal terminal;
    if (!terminal.ready()) {
        return fail_with("pin.no_terminal");
    }
    const auto unusable = [] {
        return fail_with("usage.arguments", {{"reason", _("the PIN entry was interrupted, or is too long")},
                                             {"program", "ukeyctl pin change"}});
    };
    auto old_pin = ask(terminal, _("Old PIN: "));
    if (!old_pin) {
        return unusable();
    }
    auto new_pin = ask(terminal, _("New PIN: "));
    if (!new_pin) {
        return unusable();
    }
    const auto again = ask(terminal, _("New PIN once more: "));
    if (!again) {
        return unusable();
    }
    if (!again->equals(*new_pin)) {
        return fail_with("pin.new_mismatch", {{"object", key}});
    }
    return PinPair{std::move(*old_pin), std::move(*new_pin)};
}

Outcome<Secret> ask_for_pin() {
    const QuietTerminal terminal;
    if (!terminal.ready()) {
        return fail_with("pin.no_terminal");
    }
    auto pin = ask(terminal, _("PIN: "));
    if (!pin) {
        return fail_with("usage.arguments", {{"reason", _("the PIN entry was interrupted, or is too long")},
                                             {"program", "ukeyctl diagnose"}});
    }
    return std::move(*pin);
}

Outcome<Secret> read_pin(int descriptor) {
    auto pin = read_line(descriptor);
    if (!pin || pin->empty()) {
        return fail_with("usage.arguments",
                         {{"reason", _("--pin-fd needs a line: the PIN")}, {"program", "ukeyctl diagnose"}});
    }
    return std::move(*pin);
}

Outcome<PinPair> read_pins(int descriptor) {
    auto old_pin = read_line(descriptor);
    auto new_pin = old_pin ? read_line(descriptor) : std::nullopt;
    if (!new_pin || old_pin->empty() || new_pin->empty()) {
        return fail_with("usage.arguments",
                         {{"reason", _("--pin-fd needs two lines: the old PIN and the new PIN")},
                          {"program", "ukeyctl pin change"}});
    }
    return PinPair{std::move(*old_pin), std::move(*new_pin)};
}

Outcome<void> check_new_pin(const PinPair& pins, PinLength length) {
    const bool is_default =
        std::ranges::any_of(default_pins, [&](std::string_view known) { return pins.new_pin.equals(known); });
    if (is_default) {
        return fail_with("pin.new_is_default");
    }
    if (pins.new_pin.equals(pins.old_pin)) {
        return fail_with("pin.new_is_old");
    }
    if (pins.new_pin.size() < length.least || pins.new_pin.size() > length.most) {
        return fail_with("pin.new_length",
                         {{"least", std::to_string(length.least)}, {"most", std::to_string(length.most)}});
    }
    return {};
}

} // namespace ukey::ctl
