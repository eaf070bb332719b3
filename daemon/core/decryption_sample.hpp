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

/// One for each RSA certificate that says that it is for encryption (key usage keyEncipherment or
/// dataEncipherment, RFC 5280 §4.2.1.3) and has a CKA_ID; at most eight.
std::vector<DecryptionQuestion> ask_for_decryption(std::span<const CertificateReport> certificates);

struct DecryptionVerdict {
    std::size_t good = 0;  ///< keys that gave the plaintext
    std::size_t wrong = 0; ///< keys that gave another one, or said that the ciphertext is none of theirs
};

/// From the answer's member `decryptions` (daemon/probe/person.hpp). Keys for signing and for encryption,
/// and after a renewal two certificates, may have one CKA_ID: what counts is whether one of the keys reads
/// one of the ciphertexts. A call that failed for another reason counts nowhere.
DecryptionVerdict judge_decryptions(std::span<const DecryptionQuestion> questions,
                                    const boost::json::object& answer);

} // namespace ukey
