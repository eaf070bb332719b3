// SPDX-License-Identifier: Apache-2.0
// Which mechanisms use a private key.
#pragma once

#include <p11-kit/pkcs11.h>

namespace ukey::filter {

/// True when signing, decrypting, unwrapping or deriving by this mechanism needs a private key: RSA, DSA,
/// Diffie-Hellman, elliptic curves, GOST R 34.10, and whatever a vendor defines (SM2 is such a mechanism).
/// False for MACs, ciphers and key derivations from secret keys: an HMAC with a session key is no sign that
/// the U-Key's own key was used.
bool uses_private_key(CK_MECHANISM_TYPE mechanism) noexcept;

} // namespace ukey::filter
