// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/signature.hpp"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

namespace ukey {
namespace {

using EcdsaSignatureHandle = std::unique_ptr<ECDSA_SIG, OpensslDeleter<ECDSA_SIG_free>>;

/// A token's signature is some hundred bytes; OpenSSL counts in int.
constexpr std::size_t signature_max_bytes = 4096;

const unsigned char* unsigned_data(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// r ‖ s to the DER that OpenSSL wants; nullopt when the length is odd or zero.
std::optional<std::string> ecdsa_to_der(std::string_view signature) {
    if (signature.empty() || signature.size() % 2 != 0) {
        return std::nullopt;
    }
    const auto half = signature.size() / 2;
    const EcdsaSignatureHandle pair(ECDSA_SIG_new());
    BigNumberHandle r(BN_bin2bn(unsigned_data(signature), static_cast<int>(half), nullptr));
    BigNumberHandle s(BN_bin2bn(unsigned_data(signature.substr(half)), static_cast<int>(half), nullptr));
    if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) {
        return std::nullopt;
    }
    static_cast<void>(r.release()); // the pair's now
    static_cast<void>(s.release());
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(pair.get(), &der);
    if (length <= 0) {
        return std::nullopt;
    }
    const OpensslBytes bytes(der);
    return std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
}

bool set_padding(EVP_PKEY_CTX* context, SignatureScheme scheme) {
    switch (scheme) {
    case SignatureScheme::rsa_pkcs1_sha256:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    case SignatureScheme::rsa_pss_sha256:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    case SignatureScheme::ecdsa_sha256:
        return true;
    }
    return false;
}

/// Null: the key cannot be used so.
EvpPkeyContextHandle make_context(EVP_PKEY* key, SignatureScheme scheme) {
    EvpPkeyContextHandle context(EVP_PKEY_CTX_new(key, nullptr));
    const bool good = context && EVP_PKEY_verify_init(context.get()) == 1 &&
                      set_padding(context.get(), scheme) &&
                      EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1;
    return good ? std::move(context) : nullptr;
}

} // namespace

std::string_view to_string(SignatureScheme scheme) {
    switch (scheme) {
    case SignatureScheme::rsa_pkcs1_sha256:
        return "rsa_pkcs1_sha256";
    case SignatureScheme::rsa_pss_sha256:
        return "rsa_pss_sha256";
    case SignatureScheme::ecdsa_sha256:
        return "ecdsa_sha256";
    }
    return "ecdsa_sha256";
}

std::optional<SignatureScheme> parse_signature_scheme(std::string_view text) {
    using enum SignatureScheme;
    for (const SignatureScheme scheme : {rsa_pkcs1_sha256, rsa_pss_sha256, ecdsa_sha256}) {
        if (text == to_string(scheme)) {
            return scheme;
        }
    }
    return std::nullopt;
}

Result<CertificateKey> CertificateKey::parse(std::string_view certificate_der) {
    const unsigned char* cursor = unsigned_data(certificate_der);
    X509Handle certificate(d2i_X509(nullptr, &cursor, static_cast<long>(certificate_der.size())));
    const EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
    if (key == nullptr) {
        return fail("certificate.garbage", "verify the signature", "certificate", "it cannot be parsed");
    }
    if (EVP_PKEY_base_id(key) != EVP_PKEY_RSA && EVP_PKEY_base_id(key) != EVP_PKEY_EC) {
        return fail("self_test.unsupported", "verify the signature", "certificate",
                    "its key is neither RSA nor EC");
    }
    return CertificateKey(std::move(certificate));
}

bool CertificateKey::verifies(SignatureScheme scheme, std::string_view digest, std::string_view signature) {
    EVP_PKEY* key = X509_get0_pubkey(certificate_.get());
    const bool rsa = EVP_PKEY_base_id(key) == EVP_PKEY_RSA;
    if (rsa == (scheme == SignatureScheme::ecdsa_sha256) || signature.size() > signature_max_bytes) {
        return false;
    }
    std::optional<std::string> der;
    if (!rsa && !(der = ecdsa_to_der(signature))) {
        return false;
    }
    const std::string_view shaped = rsa ? signature : std::string_view(*der);
    EvpPkeyContextHandle& context = contexts_.at(static_cast<std::size_t>(scheme));
    if (!context) {
        context = make_context(key, scheme); // a third of an RSA verification's time
    }
    return context && EVP_PKEY_verify(context.get(), unsigned_data(shaped), shaped.size(),
                                      unsigned_data(digest), digest.size()) == 1;
}

} // namespace ukey
