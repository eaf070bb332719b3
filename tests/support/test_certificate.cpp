// SPDX-License-Identifier: Apache-2.0
#include "tests/support/test_certificate.hpp"

#include <array>
#include <atomic>
#include <stdexcept>

#include <iconv.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "daemon/core/x509.hpp"

namespace ukey::test {
namespace {

void require(bool done, const char* what) {
    if (!done) {
        throw std::runtime_error(std::string(what) + ": " + take_openssl_error());
    }
}

PkeyHandle make_key(KeyType type) {
    EVP_PKEY* key = nullptr;
    switch (type) {
    case KeyType::rsa_2048:
        key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
        break;
    case KeyType::p_256:
        key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
        break;
    case KeyType::sm2:
        key = EVP_PKEY_Q_keygen(nullptr, nullptr, "SM2");
        break;
    }
    require(key != nullptr, "make a key");
    return PkeyHandle(key);
}

/// A digest context set up for the key, with the id where the key is an SM2 one.
class Signer {
  public:
    explicit Signer(EVP_PKEY* key, std::string_view sm2_id = sm2_distinguishing_id) {
        const bool sm2 = EVP_PKEY_is_a(key, "SM2") == 1;
        if (sm2) {
            require(EVP_PKEY_CTX_set1_id(key_context(key), sm2_id.data(), static_cast<int>(sm2_id.size())) ==
                        1,
                    "set the SM2 id");
            EVP_MD_CTX_set_pkey_ctx(context_.get(), key_context_.get());
        }
        require(EVP_DigestSignInit(context_.get(), nullptr, sm2 ? EVP_sm3() : EVP_sha256(), nullptr, key) ==
                    1,
                "start a signature");
    }

    EVP_MD_CTX* context() const { return context_.get(); }

  private:
    EVP_PKEY_CTX* key_context(EVP_PKEY* key) {
        key_context_.reset(EVP_PKEY_CTX_new(key, nullptr));
        return key_context_.get();
    }

    EvpPkeyContextHandle key_context_;
    EvpMdContextHandle context_{EVP_MD_CTX_new()};
};

void add_text(X509_NAME* name, int nid, const std::string& utf8, TextForm form) {
    std::string bytes = utf8;
    int type = V_ASN1_UTF8STRING;
    switch (form) {
    case TextForm::utf8_string:
        break;
    case TextForm::bmp_string: {
        ASN1_STRING* wide = nullptr;
        require(ASN1_mbstring_copy(&wide, reinterpret_cast<const unsigned char*>(utf8.data()),
                                   static_cast<int>(utf8.size()), MBSTRING_UTF8, B_ASN1_BMPSTRING) > 0,
                "make a BMPString");
        const std::unique_ptr<ASN1_STRING, OpensslDeleter<ASN1_STRING_free>> owner(wide);
        bytes.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(wide)),
                     static_cast<std::size_t>(ASN1_STRING_length(wide)));
        type = V_ASN1_BMPSTRING;
        break;
    }
    case TextForm::gbk_in_printable_string:
        bytes = to_gbk(utf8);
        type = V_ASN1_PRINTABLESTRING;
        break;
    case TextForm::gbk_in_t61_string:
    case TextForm::gbk_in_utf8_string: // made a UTF8String after encoding: OpenSSL refuses to write one
        bytes = to_gbk(utf8);
        type = V_ASN1_T61STRING;
        break;
    }
    require(X509_NAME_add_entry_by_NID(name, nid, type, reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()), -1, 0) == 1,
            "add a subject attribute");
}

using ExtensionHandle = std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>>;

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

void add_code_extension(X509* certificate, const std::string& bytes) {
    const std::unique_ptr<ASN1_OBJECT, OpensslDeleter<ASN1_OBJECT_free>> oid(
        OBJ_txt2obj("1.2.156.10260.4.1.4", 1));
    const Asn1OctetStringHandle value(ASN1_OCTET_STRING_new());
    ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()));
    const ExtensionHandle extension(X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, value.get()));
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "add the code extension");
}

template <typename Object, typename Encode>
std::string encode(Object* object, Encode encoder) {
    unsigned char* bytes = nullptr;
    const int length = encoder(object, &bytes);
    const OpensslBytes owner(bytes);
    require(length > 0, "encode");
    return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)};
}

std::string der_element(unsigned char tag, const std::string& content) {
    std::string element(1, static_cast<char>(tag));
    const auto length = static_cast<unsigned>(content.size());
    element += '\x82';
    element += static_cast<char>(length >> 8U);
    element += static_cast<char>(length & 0xFFU);
    return element + content;
}

/// Turns the T61Strings of a certificate into UTF8Strings, bytes unchanged, and signs it again.
std::string with_wrong_utf8(X509* certificate, const std::string& gbk, EVP_PKEY* signer_key) {
    std::string tbs(signed_bytes(
        encode(certificate, [](X509* object, unsigned char** out) { return i2d_X509(object, out); })));
    const std::string element = std::string{V_ASN1_T61STRING, static_cast<char>(gbk.size())} + gbk;
    const std::size_t position = tbs.find(element);
    require(position != std::string::npos, "find the T61String");
    tbs[position] = V_ASN1_UTF8STRING;

    const Signer signer(signer_key);
    std::array<unsigned char, 1024> signature{};
    std::size_t length = signature.size();
    require(EVP_DigestSign(signer.context(), signature.data(), &length,
                           reinterpret_cast<const unsigned char*>(tbs.data()), tbs.size()) == 1,
            "sign");
    const std::string bits =
        std::string(1, '\0') + std::string(reinterpret_cast<char*>(signature.data()), length);
    const X509_ALGOR* algorithm = nullptr;
    X509_get0_signature(nullptr, &algorithm, certificate);
    const std::string algorithm_der = encode(
        algorithm, [](const X509_ALGOR* object, unsigned char** out) { return i2d_X509_ALGOR(object, out); });
    return der_element(0x30, tbs + algorithm_der + der_element(V_ASN1_BIT_STRING, bits));
}

X509Handle make_certificate(const CertificateRequest& request, EVP_PKEY* key, X509* issuer,
                            Timestamp moment) {
    static std::atomic<long> next_serial{1000};
    X509Handle certificate(X509_new());
    X509* const made = certificate.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), next_serial++);
    ASN1_TIME_set(X509_getm_notBefore(made), to_time(moment + request.valid_from));
    ASN1_TIME_set(X509_getm_notAfter(made), to_time(moment + request.valid_to));
    X509_NAME* const subject = X509_get_subject_name(made);
    add_text(subject, NID_countryName, "CN", TextForm::utf8_string);
    if (!request.organisation.empty()) {
        add_text(subject, NID_organizationName, request.organisation, request.form);
    }
    add_text(subject, NID_commonName, request.common_name, request.form);
    X509* const signer = issuer != nullptr ? issuer : made;
    X509_set_issuer_name(made, X509_get_subject_name(signer));
    X509_set_pubkey(made, key);
    add_extension(made, signer, NID_basic_constraints, request.is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    add_extension(made, signer, NID_subject_key_identifier, "hash");
    add_extension(made, signer, NID_authority_key_identifier, "keyid");
    if (!request.key_usage.empty()) {
        add_extension(made, signer, NID_key_usage, request.key_usage);
    }
    if (!request.organisation_code_extension.empty()) {
        add_code_extension(made, request.organisation_code_extension);
    }
    if (!request.crl_uri.empty()) {
        add_extension(made, signer, NID_crl_distribution_points, "URI:" + request.crl_uri);
    }
    return certificate;
}

void add_list_extension(X509_CRL* list, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, nullptr, nullptr, nullptr, list, 0);
    const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension && X509_CRL_add_ext(list, extension.get(), -1) == 1, value.c_str());
}

using TimeHandle = std::unique_ptr<ASN1_TIME, OpensslDeleter<ASN1_TIME_free>>;

} // namespace

std::string to_gbk(const std::string& utf8) {
    iconv_t const converter = iconv_open("GBK", "UTF-8");
    std::string gbk(utf8.size() * 2, '\0');
    std::string input = utf8;
    char* from = input.data();
    char* to = gbk.data();
    std::size_t from_left = input.size();
    std::size_t to_left = gbk.size();
    const std::size_t converted = iconv(converter, &from, &from_left, &to, &to_left);
    iconv_close(converter);
    if (converted == static_cast<std::size_t>(-1)) {
        throw std::runtime_error("not in GBK: " + utf8);
    }
    gbk.resize(gbk.size() - to_left);
    return gbk;
}

TestCertificate TestCertificate::self_signed(const CertificateRequest& request, Timestamp moment) {
    TestCertificate made;
    made.moment_ = moment;
    made.key_ = make_key(request.key_type);
    made.certificate_ = make_certificate(request, made.key_.get(), nullptr, moment);
    require(X509_sign_ctx(made.certificate_.get(), Signer(made.key_.get()).context()) > 0, "sign");
    made.der_ = encode(made.certificate_.get(),
                       [](X509* object, unsigned char** out) { return i2d_X509(object, out); });
    return made;
}

TestCertificate TestCertificate::issue(const CertificateRequest& request) const {
    return issue(request, make_key(request.key_type));
}

TestCertificate TestCertificate::issue_again(const CertificateRequest& request,
                                             const TestCertificate& of_key) const {
    EVP_PKEY_up_ref(of_key.key_.get());
    return issue(request, PkeyHandle(of_key.key_.get()));
}

TestCertificate TestCertificate::issue(const CertificateRequest& request, PkeyHandle key) const {
    TestCertificate made;
    made.moment_ = moment_;
    made.key_ = std::move(key);
    made.certificate_ = make_certificate(request, made.key_.get(), certificate_.get(), moment_);
    require(X509_sign_ctx(made.certificate_.get(), Signer(key_.get()).context()) > 0, "sign");
    made.der_ = request.form == TextForm::gbk_in_utf8_string
                    ? with_wrong_utf8(made.certificate_.get(), to_gbk(request.common_name), key_.get())
                    : encode(made.certificate_.get(),
                             [](X509* object, unsigned char** out) { return i2d_X509(object, out); });
    return made;
}

std::string TestCertificate::revocation_list(const ListRequest& request) const {
    const CrlHandle list(X509_CRL_new());
    X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get()));
    const TimeHandle updated(ASN1_TIME_set(nullptr, to_time(moment_ + request.updated)));
    const TimeHandle next_update(ASN1_TIME_set(nullptr, to_time(moment_ + request.next_update)));
    X509_CRL_set1_lastUpdate(list.get(), updated.get());
    X509_CRL_set1_nextUpdate(list.get(), next_update.get());
    for (const TestCertificate* certificate : request.revoked) {
        X509_REVOKED* const entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate->certificate_.get()));
        X509_REVOKED_set_revocationDate(entry, updated.get());
        X509_CRL_add0_revoked(list.get(), entry);
    }
    if (!request.distribution_uri.empty()) {
        add_list_extension(list.get(), NID_issuing_distribution_point,
                           "critical,fullname:URI:" + request.distribution_uri);
    }
    if (request.delta) {
        const std::unique_ptr<ASN1_INTEGER, OpensslDeleter<ASN1_INTEGER_free>> base(ASN1_INTEGER_new());
        require(X509_CRL_add1_ext_i2d(list.get(), NID_delta_crl, base.get(), 1, 0) == 1, "make it a delta");
    }
    X509_CRL_sort(list.get());
    require(X509_CRL_sign_ctx(list.get(), Signer(key_.get(), request.sm2_id).context()) > 0, "sign the list");
    return encode(list.get(),
                  [](X509_CRL* object, unsigned char** out) { return i2d_X509_CRL(object, out); });
}

std::string TestCertificate::sign(const std::string& text, bool pss) const {
    const EvpMdContextHandle context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* key_context = nullptr;
    std::size_t length = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (EVP_DigestSignInit(context.get(), &key_context, EVP_sha256(), nullptr, key_.get()) != 1 ||
        (pss && (EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1 ||
                 EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) != 1)) ||
        EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size()) != 1) {
        throw std::runtime_error("the test key cannot sign");
    }
    std::string signature(length, '\0');
    auto* made = reinterpret_cast<unsigned char*>(signature.data());
    if (EVP_DigestSign(context.get(), made, &length, bytes, text.size()) != 1) {
        throw std::runtime_error("the test key cannot sign");
    }
    signature.resize(length);
    if (EVP_PKEY_base_id(key_.get()) == EVP_PKEY_RSA) {
        return signature;
    }
    const unsigned char* der = made;
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(length));
    std::string raw(64, '\0');
    auto* halves = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), halves, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), halves + 32, 32);
    ECDSA_SIG_free(pair);
    return raw;
}

std::string TestCertificate::pem() const {
    const BioHandle memory(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_X509(memory.get(), certificate_.get()) == 1, "write PEM");
    char* text = nullptr;
    const long length = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(length)};
}

TestCertificate make_root(KeyType key_type, Timestamp moment, const std::string& name) {
    CertificateRequest request;
    request.common_name = name;
    request.key_type = key_type;
    request.is_ca = true;
    request.key_usage = "critical,keyCertSign,cRLSign";
    request.valid_to = std::chrono::days(3650);
    return TestCertificate::self_signed(request, moment);
}

} // namespace ukey::test
