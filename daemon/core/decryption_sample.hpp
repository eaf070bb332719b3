// SPDX-License-Identifier: Apache-2.0
// Does the key decrypt what was encrypted for its certificate? The half of the self-test that needs no token;
// the token's half is pkcs11/client/pin_operations.hpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/token.hpp"

namespace ukey {

/// Random bytes, and the same encrypted with a certificate's public key.
struct DecryptionQuestion {
    std::string id; ///< the certificate's CKA_ID, in lower-case hexadecimal
    std::string plaintext;
    std::string ciphertext; ///< PKCS #1 v1.5 (RFC 8017 §7.2)
};

/// One for each RSA certificate that may be used for encryption (key usage keyEncipherment or
/// dataEncipherment, RFC 5280 §4.2.1.3, or none said) and has a CKA_ID; at most eight.
std::vector<DecryptionQuestion> ask_for_decryption(std::span<const CertificateReport> certificates);

struct DecryptionVerdict {
    std::size_t good = 0;  ///< keys that gave the plaintext
    std::size_t wrong = 0; ///< keys that gave another one, or said that the ciphertext is none of theirs
    std::string failed;    ///< the first call that failed for another reason, and its return value
};

/// From the answer's member `decryptions` (daemon/probe/person.hpp). After a renewal two certificates may
/// have one CKA_ID: a key is wrong when it reads neither. A key that was not asked counts nowhere.
DecryptionVerdict judge_decryptions(std::span<const DecryptionQuestion> questions,
                                    const boost::json::object& answer);

} // namespace ukey
