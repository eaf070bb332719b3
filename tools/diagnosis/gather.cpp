// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/gather.hpp"

#include <algorithm>
#include <filesystem>

#include "tools/diagnosis/computer.hpp"
#include "tools/filter_configuration.hpp"
#include "tools/json_view.hpp"
#include "tools/program_files.hpp"

namespace ukey::ctl {

ComputerView look_at_computer(const Context& context) {
    auto status = context.ask("status");
    // The running daemon's own configuration, not the one that is the default here.
    const std::string running = status ? raw_text(object_of(*status, "daemon"), "config") : std::string();
    const std::string config = running.empty() ? context.options().config : running;
    const std::string socket = pcscd_socket();
    std::error_code ignored;
    return {.status = std::move(status),
            .config_path = config,
            .configuration = load_configuration(config),
            .pcscd_socket = socket,
            .pcscd_refusal = connection_refusal(socket),
            .pcscd_socket_exists = std::filesystem::exists(socket, ignored),
            .filter = find_filter()};
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
