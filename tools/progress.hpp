// SPDX-License-Identifier: Apache-2.0
// How far a long piece of work has come, for whoever waits at a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace ukey::ctl {

/// A line on a terminal's standard error that begins when the work has taken more than a second, and is wiped
/// at the end. Elsewhere nothing is shown.
class Progress {
  public:
    /// `text` has the places {done} and {total}: N_("{done} of {total} organisations sent").
    Progress(std::string_view text, std::size_t total);
    Progress(const Progress&) = delete; // clears its own line
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    void advance_to(std::size_t done);
    void advance(std::size_t more) { advance_to(done_ + more); }

  private:
    std::string_view text_;
    std::size_t total_;
    std::size_t done_ = 0;
    std::chrono::steady_clock::time_point shown_at_;
    bool shown_;
    bool drawn_ = false;
};

/// A line on a terminal's standard error that says what is waited for, and is wiped at the end. Elsewhere
/// nothing is shown.
class StageLine {
  public:
    StageLine();
    StageLine(const StageLine&) = delete; // clears its own line
    StageLine& operator=(const StageLine&) = delete;
    ~StageLine();

    void show(const std::string& text);

  private:
    bool shown_;
    bool drawn_ = false;
};

} // namespace ukey::ctl
