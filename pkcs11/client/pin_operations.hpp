// SPDX-License-Identifier: Apache-2.0
// What a person does with a PIN: change it, and prove that the key signs. Only the process that ukeyctl
// starts as the calling user includes this; the daemon's worker has no way to a PIN (a test looks for C_Login
// in every other file).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core/secret.hpp"
#include "pkcs11/client/slot.hpp"

namespace ukey::pkcs11 {

/// Whether a PIN may be sent to a token that says that one wrong PIN more locks it.
enum class FinalTry { refuse, allow };

/// C_SetPIN in a read/write session; where the module wants a login first (CKR_USER_NOT_LOGGED_IN), with one.
/// A wrong old PIN costs one try, never two. Lengths are checked against the token's own bounds before
/// anything is sent. Errors `pin.final_try`, `pin.bad_length`, and `pkcs11.call_failed` (C_SetPIN:
/// CKR_PIN_INCORRECT, CKR_PIN_LOCKED …).
Result<void> change_pin(const Slot& slot, const Secret& old_pin, const Secret& new_pin, FinalTry final_try);

/// One signature, and how long the token took for it (C_SignInit and C_Sign).
struct SignedDigest {
    /// 32 random bytes in a SHA-256 digest's place: a signature over them is good for nothing else.
    std::string digest;
    std::string signature;
    std::chrono::microseconds duration{0};
};

/// What the holder of a private key alone can read: PKCS #1 v1.5 (RFC 8017 §7.2).
struct Ciphertext {
    std::string id; ///< CKA_ID of the private key
    std::string bytes;
};

/// What the token made of a ciphertext (C_DecryptInit and C_Decrypt).
struct Decryption {
    std::size_t number = 0; ///< of the ciphertext
    std::string plaintext;
    std::optional<Error> failed;
};

/// Signatures made by the token, and what is needed to verify them. Verification is
/// daemon/core/signature_sample.hpp's: this process must be free of OpenSSL (see daemon/core/base64.hpp).
struct SignedSample {
    /// All that have the key's CKA_ID: after a renewal the old one may still be there.
    std::vector<std::string> certificates_der;
    /// "rsa": PKCS #1 v1.5 with SHA-256; "ec": ECDSA, r and s side by side as PKCS#11 has it (§2.3.1).
    std::string key_type;
    std::vector<SignedDigest> signatures; ///< at least one
    std::optional<Error> stopped;         ///< why there are fewer than were asked for
    std::vector<Decryption> decryptions;  ///< one for each private key of a ciphertext that may decrypt
};

/// C_Login(CKU_USER), `times` signatures with the first private key that may sign and has a certificate of
/// the same CKA_ID, then the ciphertexts, C_Logout. Never on a final try. Errors as above (of the first
/// signature too), and `self_test.no_key`, `self_test.unsupported` (key type).
Result<SignedSample> sign_sample(const Slot& slot, const Secret& pin, unsigned times = 1,
                                 const std::vector<Ciphertext>& ciphertexts = {});

} // namespace ukey::pkcs11
