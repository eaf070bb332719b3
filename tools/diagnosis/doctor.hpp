// SPDX-License-Identifier: Apache-2.0
// Is this computer set up right? Checks from what the daemon says and from local looks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/configuration.hpp"
#include "tools/diagnosis/check.hpp"
#include "tools/diagnosis/computer.hpp"
#include "tools/diagnosis/coverage.hpp"
#include "tools/diagnosis/kernel_log.hpp"
#include "tools/diagnosis/pcsc_view.hpp"

namespace ukey::ctl {

/// What the clock says, and a moment that certainly is over.
struct ClockView {
    Timestamp now{};
    Timestamp not_before{};
    std::string witness; ///< what is of that moment

    bool is_behind() const { return now < not_before; }
};

/// How long each look took.
struct LookTimes {
    std::chrono::microseconds status{0};
    std::chrono::microseconds bus{0};
    std::chrono::microseconds pcsc{0};
};

/// Everything that the checks are made from; gathered once, so that tests can invent it.
struct ComputerView {
    Outcome<boost::json::object> status; ///< of the daemon, or why there is none
    std::string config_path;
    Result<Configuration> configuration;
    std::string pcscd_socket;
    std::optional<std::string> pcscd_refusal; ///< nothing: pcscd answers
    bool pcscd_socket_exists = false;
    std::string filter;                 ///< path of the filter module; empty: not installed
    std::optional<Coverage> coverage{}; ///< nothing: nobody looked, and there is no check of it
    std::vector<LocalDevice> devices{}; ///< on the bus, root hubs with them
    bool virtual_machine = false;
    KernelLog kernel_log{};
    PcscView pcsc{};
    ClockView clock{};
    LookTimes took{};
};

std::vector<Check> doctor_checks(const ComputerView& view);

/// As a diagnosis without a key: can keys be used on this computer?
enum class ComputerVerdict : std::uint8_t { in_order, fix_this_computer, cannot_tell };
/// "in_order" …
std::string_view to_string(ComputerVerdict verdict);
/// A check that failed decides; a warning does not, nor that not every process could be looked at.
ComputerVerdict judge_computer(const std::vector<Check>& checks);

/// These are the same for a diagnosis.
Check check_daemon(const ComputerView& view);
Check check_pcscd(const ComputerView& view);
Check check_clock(const ComputerView& view);
/// pcscd keeps a reader that is gone, as after suspend.
bool fails_by_stale_reader(Check& check, const ComputerView& view);
Check check_modules(const ComputerView& view);

} // namespace ukey::ctl
