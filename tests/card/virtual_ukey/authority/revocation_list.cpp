// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/authority/revocation_list.hpp"

#include <openssl/x509v3.h>

#include "tests/card/virtual_ukey/authority/certificate_builder.hpp"
#include "tests/card/virtual_ukey/card/pem_file.hpp"

namespace ukey::virtual_card {

namespace {

constexpr int list_validity_days = 30;

/// A fresh list, with the entries of the old one if there is one.
CrlHandle start_list(const X509* issuer, X509_CRL* previous) {
    CrlHandle list(X509_CRL_new());
    if (!list || X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer)) != 1)
        return nullptr;
    const auto* entries = previous != nullptr ? X509_CRL_get_REVOKED(previous) : nullptr;
    for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
        RevokedHandle copy(X509_REVOKED_dup(sk_X509_REVOKED_value(entries, i)));
        if (!copy || X509_CRL_add0_revoked(list.get(), copy.get()) != 1)
            return nullptr;
        static_cast<void>(copy.release()); // it is the list's now
    }
    return list;
}

bool add_entry(X509_CRL* list, const X509* certificate, const ASN1_TIME* now) {
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
    X509_REVOKED* existing = nullptr;
    if (X509_CRL_get0_by_serial(list, &existing, serial) != 0)
        return true;
    const IntegerHandle serial_copy(ASN1_INTEGER_dup(serial));
    const TimeHandle time_copy(ASN1_STRING_dup(now));
    RevokedHandle entry(X509_REVOKED_new());
    if (!entry || X509_REVOKED_set_serialNumber(entry.get(), serial_copy.get()) != 1 ||
        X509_REVOKED_set_revocationDate(entry.get(), time_copy.get()) != 1 ||
        X509_CRL_add0_revoked(list, entry.get()) != 1)
        return false;
    static_cast<void>(entry.release());
    return true;
}

/// RFC 5280, 5.2.1: every version 2 list names the key that signed it.
bool add_authority_key(X509_CRL* list, const X509* issuer) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, const_cast<X509*>(issuer), nullptr, nullptr, list, 0);
    const ExtensionHandle extension(
        X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid"));
    return extension && X509_CRL_add_ext(list, extension.get(), -1) == 1;
}

/// RFC 5280, 5.2.3: numbers increase.
bool set_number(X509_CRL* list, X509_CRL* previous) {
    const IntegerHandle old(previous != nullptr ? static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(
                                                      previous, NID_crl_number, nullptr, nullptr))
                                                : nullptr);
    const IntegerHandle number(ASN1_INTEGER_new());
    const long next = old ? ASN1_INTEGER_get(old.get()) + 1 : 1;
    return number && ASN1_INTEGER_set(number.get(), next) == 1 &&
           X509_CRL_add1_ext_i2d(list, NID_crl_number, number.get(), 0, 0) == 1;
}

} // namespace

Result<void> update_revocation_list(const std::filesystem::path& path, const X509* issuer,
                                    EVP_PKEY* issuer_key, const std::vector<const X509*>& revoked) {
    CrlHandle previous;
    if (std::filesystem::exists(path)) {
        auto read = read_crl(path);
        if (!read)
            return tl::unexpected(read.error());
        previous = std::move(*read);
    }
    const auto now = days_from_now(0);
    const auto next = days_from_now(list_validity_days);
    if (!now || !next)
        return tl::unexpected(now ? next.error() : now.error());
    const CrlHandle list = start_list(issuer, previous.get());
    bool done = list && X509_CRL_set1_lastUpdate(list.get(), now->get()) == 1 &&
                X509_CRL_set1_nextUpdate(list.get(), next->get()) == 1;
    for (const X509* certificate : revoked)
        done = done && add_entry(list.get(), certificate, now->get());
    done = done && add_authority_key(list.get(), issuer) && set_number(list.get(), previous.get()) &&
           X509_CRL_sort(list.get()) == 1 && X509_CRL_sign(list.get(), issuer_key, EVP_sha256()) != 0;
    if (!done)
        return fail("virtual_card.crl", "make a revocation list", path.string(), openssl_reason());
    return write_crl(path, list.get());
}

} // namespace ukey::virtual_card
