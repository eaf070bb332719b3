// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/gather.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>

#include "daemon/core/pcscd_socket.hpp"
#include "tools/diagnosis/computer.hpp"
#include "tools/filter_configuration.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/program_files.hpp"

namespace ukey::ctl {

namespace {

/// A service that is well answers in some milliseconds.
constexpr std::chrono::seconds status_wait{5};

template <typename Look>
auto timed(std::chrono::microseconds& took, const Look& look) {
    const auto begin = std::chrono::steady_clock::now();
    auto found = look();
    took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    return found;
}

/// This program was there before today: it is as old as its file, at least.
ClockView look_at_clock() {
    ClockView clock{.now = SystemClock().now(), .not_before = {}, .witness = {}};
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    struct stat file {};
    if (!error && stat(program.c_str(), &file) == 0) {
        clock.not_before = Timestamp(std::chrono::seconds(file.st_mtim.tv_sec));
        clock.witness = program.string();
    }
    return clock;
}

PcscView look_at_pcscd(const std::optional<std::string>& refusal) {
    return refusal ? PcscView() : look_at_readers();
}

} // namespace

ComputerView look_at_computer(const Context& context, StageLine& stage) {
    LookTimes took;
    stage.show(_("Asking the service ukeyd …"));
    auto status = timed(took.status, [&] { return context.ask("status", {}, {}, status_wait); });
    // The running daemon's own configuration, not the one that is the default here.
    const std::string running = status ? raw_text(object_of(*status, "daemon"), "config") : std::string();
    const std::string config = running.empty() ? context.options().config : running;
    const std::string socket = pcscd_socket();
    std::error_code ignored;
    ComputerView view{.status = std::move(status),
                      .config_path = config,
                      .configuration = load_configuration(config),
                      .pcscd_socket = socket,
                      .pcscd_refusal = connection_refusal(socket),
                      .pcscd_socket_exists = std::filesystem::exists(socket, ignored),
                      .filter = find_filter(),
                      .clock = look_at_clock()};
    stage.show(_("Asking the smart-card service pcscd …"));
    view.pcsc = timed(took.pcsc, [&] { return look_at_pcscd(view.pcscd_refusal); });
    stage.show(_("Looking at the USB bus …"));
    view.devices = timed(took.bus, [&] {
        view.kernel_log = read_kernel_log();
        view.virtual_machine = is_virtual_machine();
        return list_usb_devices();
    });
    view.took = took;
    return view;
}

CoverageQuestion coverage_question(const ComputerView& view) {
    CoverageQuestion question{.backends = {}, .filter = view.filter, .probe = find_probe(), .workers = {}};
    const auto add = [&](const std::string& path) {
        if (!path.empty() && std::ranges::find(question.backends, path) == question.backends.end()) {
            question.backends.push_back(path);
        }
    };
    if (view.configuration) {
        for (const ModuleConfiguration& module : view.configuration->modules) {
            add(module.path);
        }
    }
    if (view.status) { // what the service runs, should its file have changed since
        for (const boost::json::value& module : list_of(*view.status, "modules")) {
            add(raw_text(as_object(module), "path"));
            if (const auto pid = number_of(as_object(module), "pid")) {
                question.workers.insert(static_cast<pid_t>(*pid));
            }
        }
    }
    const FilterConfiguration filter = load_filter_configuration();
    add(filter.backend);
    std::ranges::for_each(filter.named_backends, add);
    return question;
}

} // namespace ukey::ctl
