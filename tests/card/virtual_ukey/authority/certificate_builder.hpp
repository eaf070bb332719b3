// SPDX-License-Identifier: Apache-2.0
// One X.509 certificate (RFC 5280), from what is to stand in it.
#pragma once

#include <string>
#include <vector>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/openssl_handles.hpp"

namespace ukey::virtual_card {

struct Validity {
    TimeHandle not_before;
    TimeHandle not_after;
};

struct ExtensionText {
    int type;
    /// In the syntax of OpenSSL's x509v3_config(5).
    std::string value;
};

struct CertificateContent {
    const X509_NAME* subject;
    EVP_PKEY* public_key;
    const Validity& validity;
    const std::vector<ExtensionText>& extensions;
    /// May be null.
    X509_EXTENSION* further_extension = nullptr;
};

/// Signed with the issuer's key; `issuer` is null for a self-signed certificate.
Result<CertificateHandle> build_certificate(const CertificateContent& content, X509* issuer,
                                            EVP_PKEY* issuer_key);

/// "2026-01-31" or "2026-01-31T12:00:00Z".
Result<TimeHandle> parse_time(std::string_view text);
Result<TimeHandle> days_from_now(int days);

} // namespace ukey::virtual_card
