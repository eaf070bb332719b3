// SPDX-License-Identifier: Apache-2.0
#include "tools/progress.hpp"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

/// Work that is over sooner needs no line.
constexpr std::chrono::seconds patience{1};
/// More often nobody can read it.
constexpr std::chrono::milliseconds drawing_interval{100};

} // namespace

Progress::Progress(std::string_view text, std::size_t total)
    : text_(text), total_(total), shown_at_(std::chrono::steady_clock::now() + patience),
      shown_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (drawn_) {
        std::fputs("\r\x1b[K", stderr);
    }
}

void Progress::advance_to(std::size_t done) {
    done_ = done;
    const auto now = std::chrono::steady_clock::now();
    if (shown_ && now > shown_at_) {
        fmt::print(stderr, "\r{}",
                   say(text_, {{"done", std::to_string(done_)}, {"total", std::to_string(total_)}}));
        shown_at_ = now + drawing_interval;
        drawn_ = true;
    }
}

StageLine::StageLine() : shown_(isatty(STDERR_FILENO) == 1) {}

StageLine::~StageLine() {
    if (drawn_) {
        std::fputs("\r\x1b[K", stderr);
    }
}

void StageLine::show(const std::string& text) {
    if (shown_) {
        fmt::print(stderr, "\r\x1b[K{}", text);
        drawn_ = true;
    }
}

} // namespace ukey::ctl
