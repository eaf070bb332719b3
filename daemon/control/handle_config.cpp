// SPDX-License-Identifier: Apache-2.0
// config.reload.
#include "daemon/control/control_context.hpp"

namespace ukey {

boost::asio::awaitable<ControlAnswer> handle_config_reload(ControlContext& context, ControlRequest& request) {
    const auto done = co_await context.reconfigure(request.peer.uid);
    if (!done) {
        co_return refuse(done.error());
    }
    co_return boost::json::object{{"config", context.configuration_path},
                                  {"mode", to_string(context.configuration.mode)},
                                  {"modules", context.configuration.modules.size()},
                                  {"trust_paths", context.configuration.trust_paths.size()}};
}

} // namespace ukey
