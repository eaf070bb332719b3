// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/signature_sample.hpp"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>

#include "daemon/core/base64.hpp"

namespace ukey {
namespace {

template <auto Free>
struct Deleter {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};
using CertificatePointer = std::unique_ptr<X509, Deleter<X509_free>>;
using ContextPointer = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using SignaturePointer = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

const unsigned char* unsigned_data(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// r ‖ s to the DER that OpenSSL wants; nullopt when the length is odd or zero.
std::optional<std::string> ecdsa_to_der(std::string_view signature) {
    if (signature.empty() || signature.size() % 2 != 0) {
        return std::nullopt;
    }
    const auto half = signature.size() / 2;
    const SignaturePointer pair(ECDSA_SIG_new());
    BIGNUM* r = BN_bin2bn(unsigned_data(signature), static_cast<int>(half), nullptr);
    BIGNUM* s = BN_bin2bn(unsigned_data(signature.substr(half)), static_cast<int>(half), nullptr);
    if (!pair || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return std::nullopt;
    }
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(pair.get(), &der);
    if (length <= 0) {
        return std::nullopt;
    }
    std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
    OPENSSL_free(der);
    return bytes;
}

bool verifies(EVP_PKEY* key, bool rsa, std::string_view digest, std::string_view signature) {
    const ContextPointer context(EVP_PKEY_CTX_new(key, nullptr));
    if (!context || EVP_PKEY_verify_init(context.get()) != 1) {
        return false;
    }
    if (rsa && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) {
        return false;
    }
    if (EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1) {
        return false;
    }
    return EVP_PKEY_verify(context.get(), unsigned_data(signature), signature.size(), unsigned_data(digest),
                           digest.size()) == 1;
}

std::optional<std::string> base64_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        return std::nullopt;
    }
    return base64_decode(value->get_string());
}

} // namespace

Result<SignatureSample> decode_signature_sample(const boost::json::object& result) {
    auto certificate = base64_member(result, "certificate");
    auto digest = base64_member(result, "digest");
    auto signature = base64_member(result, "signature");
    const boost::json::value* key_type = result.if_contains("key_type");
    if (!certificate || !digest || !signature || key_type == nullptr || !key_type->is_string()) {
        return fail("frame.malformed", "read the self-test's result", "signature",
                    "a member is missing or wrong");
    }
    return SignatureSample{.certificate_der = std::move(*certificate),
                           .key_type = std::string(key_type->get_string()),
                           .digest = std::move(*digest),
                           .signature = std::move(*signature)};
}

Result<SignatureVerdict> verify_signature_sample(const SignatureSample& sample) {
    const unsigned char* cursor = unsigned_data(sample.certificate_der);
    const CertificatePointer certificate(
        d2i_X509(nullptr, &cursor, static_cast<long>(sample.certificate_der.size())));
    EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
    if (key == nullptr) {
        return fail("certificate.garbage", "verify the signature", "certificate", "it cannot be parsed");
    }
    const bool rsa = EVP_PKEY_base_id(key) == EVP_PKEY_RSA;
    if (!rsa && EVP_PKEY_base_id(key) != EVP_PKEY_EC) {
        return fail("self_test.unsupported", "verify the signature", "certificate",
                    "its key is neither RSA nor EC");
    }
    if (sample.key_type != (rsa ? "rsa" : "ec")) {
        return SignatureVerdict::wrong;
    }
    const auto signature = rsa ? std::optional(sample.signature) : ecdsa_to_der(sample.signature);
    return signature && verifies(key, rsa, sample.digest, *signature) ? SignatureVerdict::good
                                                                      : SignatureVerdict::wrong;
}

} // namespace ukey
