// SPDX-License-Identifier: Apache-2.0
// Is a signature that a token made the certificate's key's? PKCS#11's shapes in, OpenSSL's verdict out.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/core/openssl_handle.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// How a SHA-256 digest was signed.
enum class SignatureScheme {
    rsa_pkcs1_sha256, ///< PKCS #1 v1.5 (RFC 8017 §8.2)
    rsa_pss_sha256,   ///< PSS with MGF1-SHA-256 and a salt of 32 bytes (RFC 8017 §8.1)
    ecdsa_sha256,     ///< r and s side by side, as PKCS#11 has them (2.40 mechanisms §2.3.1)
};
constexpr std::size_t signature_scheme_count = 3;
/// "rsa_pkcs1_sha256" …
std::string_view to_string(SignatureScheme scheme);
std::optional<SignatureScheme> parse_signature_scheme(std::string_view text);

/// A certificate's public key, parsed once for many signatures. One thread at a time.
class CertificateKey {
  public:
    /// Of a DER certificate. Errors `certificate.garbage`, `self_test.unsupported` (a key that is neither RSA
    /// nor EC).
    static Result<CertificateKey> parse(std::string_view certificate_der);

    /// Did its private key sign the 32 bytes of `digest`? A key of another type than the scheme's: no.
    bool verifies(SignatureScheme scheme, std::string_view digest, std::string_view signature);

  private:
    explicit CertificateKey(X509Handle certificate) : certificate_(std::move(certificate)) {}

    X509Handle certificate_;                                            ///< has the key
    std::array<EvpPkeyContextHandle, signature_scheme_count> contexts_; ///< made when one is wanted
};

} // namespace ukey
