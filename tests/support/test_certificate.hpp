// SPDX-License-Identifier: Apache-2.0
// Certificate authorities and certificates made in memory, well-formed and not, as tests need them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/core/openssl_handle.hpp"

namespace ukey::test {

enum class KeyType { rsa_2048, p_256, sm2 };

/// How a subject's text is encoded; the last three are what some Chinese CAs do wrongly.
enum class TextForm {
    utf8_string,
    bmp_string,
    gbk_in_t61_string,
    gbk_in_printable_string,
    gbk_in_utf8_string
};

/// UTF-8 to GBK bytes.
std::string to_gbk(const std::string& utf8);

struct CertificateRequest {
    std::string common_name;
    TextForm form = TextForm::utf8_string;
    std::string organisation;
    KeyType key_type = KeyType::p_256;
    /// Relative to the authority's moment.
    std::chrono::days valid_from{-1};
    std::chrono::days valid_to{365};
    /// OpenSSL's configuration text, e.g. "critical,digitalSignature"; empty: no such extension.
    std::string key_usage = "critical,digitalSignature,nonRepudiation";
    bool is_ca = false;
    /// Bytes of the extension 1.2.156.10260.4.1.4; empty: no such extension.
    std::string organisation_code_extension;
    /// URI of a CRL distribution point; empty: no such extension.
    std::string crl_uri;
};

/// A certificate with its key, able to issue others. `moment` is what validity is counted from.
class TestCertificate {
  public:
    static TestCertificate self_signed(const CertificateRequest& request, Timestamp moment);
    TestCertificate issue(const CertificateRequest& request) const;
    /// Another certificate for a key that has one already.
    TestCertificate issue_again(const CertificateRequest& request, const TestCertificate& of_key) const;

    struct ListRequest {
        std::vector<const TestCertificate*> revoked;
        std::chrono::days updated{-1};
        std::chrono::days next_update{30};
        /// URI of the issuing distribution point; empty: no such extension.
        std::string distribution_uri{};
        bool delta = false;
        /// Other than the real id, to make an SM2 signature that does not verify.
        std::string sm2_id = "1234567812345678";
    };
    /// DER of a revocation list signed by this certificate.
    std::string revocation_list(const ListRequest& request) const;

    const std::string& der() const { return der_; }
    /// The key's signature over the text, as PKCS#11 shapes it: ECDSA r ‖ s, RSA PKCS #1 v1.5 or (pss) PSS;
    /// SHA-256.
    std::string sign(const std::string& text, bool pss = false) const;
    std::string pem() const;

  private:
    TestCertificate() = default;
    TestCertificate issue(const CertificateRequest& request, PkeyHandle key) const;

    PkeyHandle key_;
    X509Handle certificate_;
    std::string der_; ///< not always what certificate_ encodes to: see gbk_in_utf8_string
    Timestamp moment_{};
};

/// A root as most tests want it.
TestCertificate make_root(KeyType key_type, Timestamp moment, const std::string& name = "测试根CA");

} // namespace ukey::test
