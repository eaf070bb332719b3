// SPDX-License-Identifier: Apache-2.0
// A small test CA in a folder: a root, and an intermediate that issues.
//   root.pem root.key.pem intermediate.pem intermediate.key.pem
//   chain.pem       intermediate, then root
//   crl.pem         the intermediate's revocation list       root_crl.pem    the root's (always empty)
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/authority/certificate_builder.hpp"
#include "tests/card/virtual_ukey/authority/subject.hpp"
#include "tests/card/virtual_ukey/card/private_key.hpp"

namespace ukey::virtual_card {

class CertificateAuthority {
  public:
    /// Makes a new CA. Refuses a folder that holds one already.
    static Result<CertificateAuthority> create(const std::filesystem::path& folder, const std::string& name,
                                               KeyAlgorithm algorithm);
    static Result<CertificateAuthority> open(const std::filesystem::path& folder);

    /// `key_usage` as in OpenSSL's x509v3_config(5), e.g. "digitalSignature,nonRepudiation".
    Result<CertificateHandle> issue(const Subject& subject, EVP_PKEY* public_key, const Validity& validity,
                                    const std::string& key_usage) const;
    /// Adds certificates to crl.pem. One that is on it already stays there once.
    Result<void> revoke(const std::vector<const X509*>& certificates) const;

  private:
    CertificateAuthority(std::filesystem::path folder, CertificateHandle certificate, PrivateKey key)
        : folder_(std::move(folder)), certificate_(std::move(certificate)), key_(std::move(key)) {}

    std::filesystem::path folder_;
    /// The intermediate's.
    CertificateHandle certificate_;
    PrivateKey key_;
};

} // namespace ukey::virtual_card
