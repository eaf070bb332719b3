// SPDX-License-Identifier: Apache-2.0
// Owners of OpenSSL's objects: each is freed by its own function, exactly once.
#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace ukey {

template <auto Free>
struct OpensslDeleter {
    template <typename Object>
    void operator()(Object* object) const noexcept {
        Free(object);
    }
};

/// Frees the stack only, not the certificates in it.
struct BorrowedX509StackDeleter {
    void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};

/// OPENSSL_free is a macro.
struct OpensslMemoryDeleter {
    void operator()(void* memory) const noexcept { OPENSSL_free(memory); }
};

using Asn1BitStringHandle = std::unique_ptr<ASN1_BIT_STRING, OpensslDeleter<ASN1_BIT_STRING_free>>;
using Asn1OctetStringHandle = std::unique_ptr<ASN1_OCTET_STRING, OpensslDeleter<ASN1_OCTET_STRING_free>>;
using Asn1TypeHandle = std::unique_ptr<ASN1_TYPE, OpensslDeleter<ASN1_TYPE_free>>;
using BigNumberHandle = std::unique_ptr<BIGNUM, OpensslDeleter<BN_free>>;
using BioHandle = std::unique_ptr<BIO, OpensslDeleter<BIO_free_all>>;
using BorrowedX509Stack = std::unique_ptr<STACK_OF(X509), BorrowedX509StackDeleter>;
using CrlHandle = std::unique_ptr<X509_CRL, OpensslDeleter<X509_CRL_free>>;
using DistributionPointsHandle = std::unique_ptr<CRL_DIST_POINTS, OpensslDeleter<CRL_DIST_POINTS_free>>;
using EvpMdContextHandle = std::unique_ptr<EVP_MD_CTX, OpensslDeleter<EVP_MD_CTX_free>>;
using EvpPkeyContextHandle = std::unique_ptr<EVP_PKEY_CTX, OpensslDeleter<EVP_PKEY_CTX_free>>;
using IssuingPointHandle = std::unique_ptr<ISSUING_DIST_POINT, OpensslDeleter<ISSUING_DIST_POINT_free>>;
using OpensslBytes = std::unique_ptr<unsigned char, OpensslMemoryDeleter>;
using PkeyHandle = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using X509Handle = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using X509StoreContextHandle = std::unique_ptr<X509_STORE_CTX, OpensslDeleter<X509_STORE_CTX_free>>;
using X509StoreHandle = std::unique_ptr<X509_STORE, OpensslDeleter<X509_STORE_free>>;

} // namespace ukey
