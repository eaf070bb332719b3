// SPDX-License-Identifier: Apache-2.0
#include "daemon/passed_sockets.hpp"

#include <fcntl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdlib>

#include <spdlog/spdlog.h>

namespace ukey {

std::map<std::string, int> take_passed_sockets() {
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    std::map<std::string, int> sockets;
    for (int index = 0; index < count; ++index) {
        const int descriptor = SD_LISTEN_FDS_START + index;
        const std::string name = names[index];
        free(names[index]);
        if (sd_is_socket_unix(descriptor, SOCK_STREAM, 1, nullptr, 0) > 0 && !sockets.contains(name)) {
            fcntl(descriptor, F_SETFD, FD_CLOEXEC);
            sockets.emplace(name, descriptor);
        } else {
            spdlog::warn("the passed descriptor {} is not used: no listening local socket, or a second one",
                         name);
            ::close(descriptor);
        }
    }
    free(names);
    return sockets;
}

Result<LocalAcceptor> listen_on(const boost::asio::any_io_executor& executor,
                                const std::map<std::string, int>& passed, const std::string& name,
                                const std::string& path) {
    const auto found = passed.find(name);
    if (found == passed.end()) {
        return listen_local(executor, path);
    }
    LocalAcceptor acceptor(executor);
    boost::system::error_code error;
    acceptor.assign(boost::asio::local::stream_protocol(), found->second, error);
    if (!error) {
        error = ask_for_credentials(found->second); // the unit has asked already, unless it is an older one
    }
    if (error) {
        return fail("state.unusable", "listen", name, error.message());
    }
    return acceptor;
}

} // namespace ukey
