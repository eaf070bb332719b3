// SPDX-License-Identifier: Apache-2.0
// Did the key sign with the private key that its certificate is about? The verifying half of the self-test;
// the signing half is pkcs11/client/pin_operations.hpp.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "daemon/core/result.hpp"

namespace ukey {

/// A signature over 32 random bytes in a SHA-256 digest's place, made by the key.
struct SignatureSample {
    std::string certificate_der;
    /// "rsa": PKCS #1 v1.5 with SHA-256; "ec": ECDSA, r and s side by side.
    std::string key_type;
    std::string digest;
    std::string signature;
};

/// What `ukey-probe --person self-test` writes when the key signed. Error `frame.malformed`.
Result<SignatureSample> decode_signature_sample(const boost::json::object& result);

enum class SignatureVerdict {
    /// The signature is the certificate's key's.
    good,
    /// It is not: a failing chip, or a key and a certificate that do not belong together. Justifies a return.
    wrong,
};

/// Errors `certificate.garbage`, `self_test.unsupported` (the certificate's key is neither RSA nor EC). A
/// certificate with a key of another type than the one that signed is `wrong`.
Result<SignatureVerdict> verify_signature_sample(const SignatureSample& sample);

} // namespace ukey
