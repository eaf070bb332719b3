// SPDX-License-Identifier: Apache-2.0
// Where pcscd listens (pcsc-lite's PCSCLITE_CSOCK_NAME).
#pragma once

#include <string>

namespace ukey {

/// PCSCLITE_CSOCK_NAME, else the socket that pcscd has in Debian.
std::string pcscd_socket();

} // namespace ukey
