// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/gather.hpp"

#include <filesystem>

#include "tools/diagnosis/computer.hpp"
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

} // namespace ukey::ctl
