// SPDX-License-Identifier: Apache-2.0
// A U-Key's certificate: what it says, and whether the configured CAs vouch for it. OpenSSL does the work.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/finding.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// What a certificate says about itself (RFC 5280), text as UTF-8.
struct CertificateFacts {
    std::string der;
    std::string subject; ///< RFC 2253, UTF-8
    std::string issuer;
    std::string serial; ///< hexadecimal
    /// The organisation's full name as the issuer's profile finds it; empty when there is none. After NFC.
    std::string organisation_name;
    /// From CFCA's common name 051@name@code@n, or extension 1.2.156.10260.4.1.4; empty when there is none.
    std::string organisation_code;
    /// True when the text had to be rescued from GBK bytes in a wrongly typed string.
    bool text_was_rescued = false;
    Timestamp not_before{};
    Timestamp not_after{};
    std::string algorithm; ///< "RSA-2048", "EC P-256", "SM2"
    std::vector<std::string>
        key_usage; ///< digitalSignature, nonRepudiation, keyEncipherment …; empty: not restricted
    bool is_ca = false;
    std::string fingerprint_sha256; ///< lower-case hex of the SHA-256 of the DER
    std::string spki_sha256;        ///< lower-case hex of the SHA-256 of the SubjectPublicKeyInfo

    /// digitalSignature or nonRepudiation, or no restriction: what a login can be made with.
    bool can_sign() const;
};

/// How the issuer writes the organisation into the subject; one per issuer, the first that matches is taken.
struct CertificateProfile {
    /// Part of the issuer's RFC 2253 text; empty matches every issuer.
    std::string issuer_contains;
    /// Attribute of the subject: "CN", "O", "OU".
    std::string name_attribute = "CN";
};

/// Parses one DER certificate. Errors `certificate.garbage`.
Result<CertificateFacts> parse_certificate(std::string_view der,
                                           const std::vector<CertificateProfile>& profiles);

enum class Trust { trusted, untrusted, not_checked };
std::string_view to_string(Trust trust);

struct Verification {
    Trust trust = Trust::not_checked;
    /// OpenSSL's words for `untrusted`.
    std::string reason;
    bool expired = false;
    bool not_yet_valid = false;
    bool revoked = false;
    /// A revocation list of its issuer was there and in date.
    bool revocation_known = false;
    bool key_usage_wrong = false;
};

/// The configured CAs: roots, intermediates and revocation lists, read once. Immutable; may be used by many
/// threads.
class TrustStore {
  public:
    /// How many of a token's further certificates are looked at: it carries a signing and an encryption
    /// certificate and perhaps its chain.
    static constexpr std::size_t extra_certificates_max = 16;

    /// Reads PEM or DER files, and the *.pem, *.crt, *.cer, *.crl files of folders. A file that cannot be
    /// read or has no certificate or CRL is an error `trust.unreadable` that names it. Self-signed ones
    /// become trust anchors.
    static Result<TrustStore> load(const std::vector<std::string>& paths);
    /// The same, going on without what cannot be read: `unreadable()` names it. A chain that then ends
    /// nowhere is `untrusted`, also when no anchor is left.
    static TrustStore load_readable(const std::vector<std::string>& paths);
    /// `trust.unreadable`, at most one for each file or folder.
    const std::vector<Error>& unreadable() const;

    TrustStore();
    ~TrustStore();
    TrustStore(TrustStore&&) noexcept;
    TrustStore& operator=(TrustStore&&) noexcept;
    TrustStore(const TrustStore&) = delete; // owns an X509_STORE
    TrustStore& operator=(const TrustStore&) = delete;

    std::size_t anchors() const;

    /// Chain, validity at `moment`, key usage, revocation. `extra` are further certificates of the token,
    /// possible intermediates. `not_checked` when no anchor is configured. Validity is told apart from
    /// trust: a chain that is good but for the dates is `trusted` and `expired`. SM2 certificates are
    /// verified with the distinguishing id 1234567812345678 on every certificate of the chain.
    Verification verify(const CertificateFacts& certificate, const std::vector<std::string>& extra_der,
                        Timestamp moment) const;

    /// When a certificate or a revocation list that `verify` looks at, with this `extra_der`, begins or ends
    /// to be valid: whole seconds, sorted. As long as neither one of these seconds comes nor one of the
    /// certificate's own dates, `verify` says the same.
    std::vector<Timestamp> dates(const std::vector<std::string>& extra_der) const;

  private:
    struct Contents;
    std::unique_ptr<Contents> contents_;
};

/// `certificate.expired`, `certificate.not_yet_valid`, `certificate.expires_soon`, `certificate.untrusted`,
/// `certificate.revoked`, `certificate.no_revocation_list`, `certificate.key_usage`,
/// `certificate.no_trust_anchor`, `certificate.text_rescued` for the subject `key`.
std::vector<Finding> certificate_findings(const std::string& key, const CertificateFacts& certificate,
                                          const Verification& verification, Timestamp moment,
                                          std::chrono::days expires_soon);

/// The shape Certificate of docs/formats/channels.md §4.
boost::json::object to_json(const CertificateFacts& certificate, const Verification& verification);

/// Lower-case hexadecimal of the SHA-256.
std::string sha256_hex(std::string_view bytes);
/// 32 raw bytes.
std::string sha256(std::string_view bytes);

} // namespace ukey
