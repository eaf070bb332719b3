// SPDX-License-Identifier: Apache-2.0
// OpenSSL's objects, freed by the type that holds them.
#pragma once

#include <memory>
#include <string>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace ukey::virtual_card {

template <auto Free>
struct Release {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};

using BioHandle = std::unique_ptr<BIO, Release<BIO_free_all>>;
using BignumHandle = std::unique_ptr<BIGNUM, Release<BN_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using KeyContextHandle = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX_free>>;
using CertificateHandle = std::unique_ptr<X509, Release<X509_free>>;
using CrlHandle = std::unique_ptr<X509_CRL, Release<X509_CRL_free>>;
using RevokedHandle = std::unique_ptr<X509_REVOKED, Release<X509_REVOKED_free>>;
using NameHandle = std::unique_ptr<X509_NAME, Release<X509_NAME_free>>;
using ExtensionHandle = std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>>;
using TimeHandle = std::unique_ptr<ASN1_TIME, Release<ASN1_TIME_free>>;
using IntegerHandle = std::unique_ptr<ASN1_INTEGER, Release<ASN1_INTEGER_free>>;
using StringHandle = std::unique_ptr<ASN1_STRING, Release<ASN1_STRING_free>>;
using ObjectHandle = std::unique_ptr<ASN1_OBJECT, Release<ASN1_OBJECT_free>>;

/// The oldest error of OpenSSL's queue, which is emptied.
inline std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* text = ERR_reason_error_string(code);
    return text != nullptr ? text : "unknown OpenSSL error";
}

} // namespace ukey::virtual_card
