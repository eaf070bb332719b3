// SPDX-License-Identifier: Apache-2.0
// A login record with the U-Key's signature over it: its check, and its shape in the ledger
// (docs/formats/login-record.md).
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <boost/json/object.hpp>

#include "daemon/core/login_record.hpp"
#include "daemon/core/result.hpp"
#include "daemon/core/sha256.hpp"
#include "daemon/core/signature.hpp"

namespace ukey {

struct Attestation {
    LoginRecord record;
    std::string scheme;                    ///< SignatureScheme
    std::string signature;                 ///< as the token gave it
    std::string certificate_der;           ///< of the key that signed
    std::chrono::microseconds duration{0}; ///< what it added to C_Login, as the process says
};

/// Of a certificate, in DER or in Base64: by its end, which is a signature and as good as random.
struct CertificateHash {
    std::size_t operator()(std::string_view certificate) const {
        constexpr std::size_t end_bytes = 64;
        return std::hash<std::string_view>()(
            certificate.substr(certificate.size() - std::min(certificate.size(), end_bytes)));
    }
};

/// Certificates that are kept: more than most computers ever see keys.
constexpr std::size_t kept_certificates_max = 4096;

/// How far two readings of one computer's clock may be out of order: it is slewed, and set by small steps.
constexpr std::chrono::seconds clock_tolerance{2};

/// Did the record's key sign this record? Error `attestation.wrong`; its reason is `ambiguous_record`,
/// `unknown_scheme`, `other_key` (the certificate is about another public key than the record),
/// `unusable_certificate`, `wrong_signature` or `wrong_time` (the login began before the service was asked
/// about it). Whether the certificate is to be trusted is not asked here.
Result<void> verify(const Attestation& attestation);

/// The same for many attestations, most of which are of few keys: what it has parsed it keeps. One thread.
class AttestationVerifier {
  public:
    Result<void> verify(const Attestation& attestation);

  private:
    struct Signer {
        std::string spki_sha256;
        CertificateKey key;
    };
    /// Null: the certificate cannot be used.
    Signer* find_signer(const std::string& certificate_der);

    std::unordered_map<std::string, std::optional<Signer>, CertificateHash>
        signers_; ///< by their certificates
    Sha256 hasher_;
};

/// The member `attestation` of a record `session.started`: what that record does not say already.
boost::json::object to_json(const Attestation& attestation);

/// From the payload of a record `session.started` of a session with the grade `attested`. Error
/// `attestation.wrong` with the reason `incomplete`.
Result<Attestation> decode_attestation(const boost::json::object& session_started);

} // namespace ukey
