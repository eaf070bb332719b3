// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/authority/certificate_builder.hpp"

#include <ctime>

#include <openssl/x509v3.h>

namespace ukey::virtual_card {

namespace {

/// RFC 5280, 4.1.2.2: positive, at most 20 bytes.
constexpr int serial_size_bits = 127;

bool set_random_serial(X509* certificate) {
    const BignumHandle number(BN_new());
    return number && BN_rand(number.get(), serial_size_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool add_extension(X509* certificate, X509* issuer, const ExtensionText& text) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, text.type, text.value.c_str()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool fill(X509* certificate, const CertificateContent& content, X509* issuer) {
    const X509_NAME* issuer_name = issuer != certificate ? X509_get_subject_name(issuer) : content.subject;
    bool done = X509_set_version(certificate, X509_VERSION_3) == 1 && set_random_serial(certificate) &&
                X509_set_subject_name(certificate, content.subject) == 1 &&
                X509_set_issuer_name(certificate, issuer_name) == 1 &&
                X509_set1_notBefore(certificate, content.validity.not_before.get()) == 1 &&
                X509_set1_notAfter(certificate, content.validity.not_after.get()) == 1 &&
                X509_set_pubkey(certificate, content.public_key) == 1;
    for (const ExtensionText& extension : content.extensions)
        done = done && add_extension(certificate, issuer, extension);
    if (content.further_extension != nullptr)
        done = done && X509_add_ext(certificate, content.further_extension, -1) == 1;
    return done;
}

} // namespace

Result<CertificateHandle> build_certificate(const CertificateContent& content, X509* issuer,
                                            EVP_PKEY* issuer_key) {
    CertificateHandle certificate(X509_new());
    X509* const signer = issuer != nullptr ? issuer : certificate.get();
    if (!certificate || !fill(certificate.get(), content, signer) ||
        X509_sign(certificate.get(), issuer_key, EVP_sha256()) == 0)
        return fail("virtual_card.certificate", "make a certificate", "", openssl_reason());
    return certificate;
}

Result<TimeHandle> parse_time(std::string_view text) {
    std::string compact;
    for (const char character : text)
        if (character >= '0' && character <= '9')
            compact.push_back(character);
    constexpr std::size_t date_digits = 8;
    if (compact.size() == date_digits)
        compact += "000000";
    TimeHandle time(ASN1_TIME_new());
    if (!time || ASN1_TIME_set_string_X509(time.get(), (compact + "Z").c_str()) != 1)
        return fail("virtual_card.time", "read a time", std::string(text), "not like 2026-01-31T12:00:00Z");
    return time;
}

Result<TimeHandle> days_from_now(int days) {
    TimeHandle time(X509_time_adj_ex(nullptr, days, 0, nullptr));
    if (!time)
        return fail("virtual_card.time", "compute a time", std::to_string(days), openssl_reason());
    return time;
}

} // namespace ukey::virtual_card
