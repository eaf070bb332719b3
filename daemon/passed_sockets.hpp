// SPDX-License-Identifier: Apache-2.0
// The listening sockets that systemd made and handed over (sd_listen_fds_with_names(3)).
#pragma once

#include <map>
#include <string>

#include "daemon/channel.hpp"

namespace ukey {

/// Descriptors by their FileDescriptorName. Takes them once: a second call, and child processes, see none.
/// Descriptors that are not listening local stream sockets are closed and logged.
std::map<std::string, int> take_passed_sockets();

/// The socket of that name if one was passed, else a new one at `path`. Errors as listen_local().
Result<LocalAcceptor> listen_on(const boost::asio::any_io_executor& executor,
                                const std::map<std::string, int>& passed, const std::string& name,
                                const std::string& path);

} // namespace ukey
