// SPDX-License-Identifier: Apache-2.0
// GENERAL AUTHENTICATE (SP 800-73-4 part 2, 3.2.4): the use of a private key.
#pragma once

#include "tests/card/virtual_ukey/card/apdu.hpp"
#include "tests/card/virtual_ukey/card/private_key.hpp"

namespace ukey::virtual_card {

/// Does what the dynamic authentication template asks with this key: an RSA private-key operation or an ECDSA
/// signature over the challenge ('81'), or ECDH with the point ('85'). Whether the PIN was verified is the
/// caller's to check.
Response general_authenticate(const Command& command, const PrivateKey& key);

} // namespace ukey::virtual_card
