// SPDX-License-Identifier: Apache-2.0
#include "daemon/command_line.hpp"

#ifndef N_
#define N_(text) text // translated in the manual page
#endif

namespace ukey {

std::unique_ptr<CLI::App> make_command_line(DaemonOptions& options) {
    auto app = std::make_unique<CLI::App>("ukeyd: the U-Key hardware integration service", "ukeyd");
    app->set_version_flag("--version", UKEY_VERSION);
    app->add_option("--config", options.configuration_path, N_("configuration file"))->capture_default_str();
    app->add_option("--state-dir", options.state_dir, N_("folder of the database"))->capture_default_str();
    app->add_option("--runtime-dir", options.runtime_dir, N_("folder of the sockets"))->capture_default_str();
    app->add_option("--probe", options.probe_path, N_("the ukey-probe program"))->capture_default_str();
    return app;
}

} // namespace ukey
