// SPDX-License-Identifier: Apache-2.0
// Did the key sign with the private key that its certificate is about? The verifying half of the self-test;
// the signing half is pkcs11/client/pin_operations.hpp.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/result.hpp"

namespace ukey {

struct SampleSignature {
    std::string digest; ///< 32 random bytes in a SHA-256 digest's place
    std::string signature;
    std::chrono::microseconds duration{0}; ///< the token's
};

/// Signatures made by the key.
struct SignatureSample {
    std::vector<std::string> certificates_der; ///< of the key's CKA_ID; after a renewal an old one among them
    /// "rsa": PKCS #1 v1.5 with SHA-256; "ec": ECDSA, r and s side by side.
    std::string key_type;
    std::vector<SampleSignature> signatures;
    std::string stopped; ///< the call and its return value that ended it early; empty: none did
};

/// What `ukey-probe --person self-test` writes when the key signed. Error `frame.malformed`.
Result<SignatureSample> decode_signature_sample(const boost::json::object& result);

struct SignatureVerdict {
    std::size_t good = 0; ///< the certificate's key's
    /// Not: a failing chip, or a key and a certificate that do not belong together. Justifies a return.
    std::size_t wrong = 0;
    /// Not in PKCS#11's shape but as DER, which is the module's fault: nothing is known of these.
    std::size_t misshapen = 0;

    bool operator==(const SignatureVerdict&) const = default;
};

/// A signature is good when it is one of the certificates'. Errors, when there is none that can be used:
/// `certificate.garbage`, `self_test.unsupported` (a key that is neither RSA nor EC). A certificate with a
/// key of another type than the one that signed makes it wrong.
Result<SignatureVerdict> verify_signature_sample(const SignatureSample& sample);

} // namespace ukey
