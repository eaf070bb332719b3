// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/pcscd_socket.hpp"

#include <cstdlib>

namespace ukey {

std::string pcscd_socket() {
    const char* chosen = std::getenv("PCSCLITE_CSOCK_NAME"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    return chosen != nullptr && *chosen != '\0' ? chosen : "/run/pcscd/pcscd.comm";
}

} // namespace ukey
