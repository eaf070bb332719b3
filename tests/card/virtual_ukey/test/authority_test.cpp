// SPDX-License-Identifier: Apache-2.0
#include <openssl/x509v3.h>

#include "tests/card/virtual_ukey/card/pem_file.hpp"
#include "tests/card/virtual_ukey/test/card_fixture.hpp"

namespace ukey::virtual_card {
namespace {

using StoreHandle = std::unique_ptr<X509_STORE, Release<X509_STORE_free>>;
using StoreContextHandle = std::unique_ptr<X509_STORE_CTX, Release<X509_STORE_CTX_free>>;

class AuthorityTest : public CardTest {
  protected:
    void SetUp() override {
        CardTest::SetUp();
        make_card(KeyAlgorithm::p_256);
        request_.subject.name = "中共某某乡总支部委员会";
        request_.subject.code = "500102000002";
        request_.algorithm = KeyAlgorithm::p_256;
    }

    CertificateHandle issued() {
        const auto authority = CertificateAuthority::open(folder_ / "ca");
        EXPECT_TRUE(authority);
        const auto done = issue_card(*authority, folder_ / "card", request_);
        EXPECT_TRUE(done) << done.error().reason;
        auto certificate = read_certificate(folder_ / "card" / "9a.pem");
        EXPECT_TRUE(certificate);
        return std::move(*certificate);
    }

    /// The verification error of the card's certificate: chain and the issuer's revocation list.
    int verification_error() const {
        const StoreHandle store(X509_STORE_new());
        const auto root = read_certificate(folder_ / "ca" / "root.pem");
        const auto intermediate = read_certificate(folder_ / "ca" / "intermediate.pem");
        const auto list = read_crl(folder_ / "ca" / "crl.pem");
        const auto certificate = read_certificate(folder_ / "card" / "9a.pem");
        X509_STORE_add_cert(store.get(), root->get());
        X509_STORE_add_cert(store.get(), intermediate->get());
        X509_STORE_add_crl(store.get(), list->get());
        X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK);
        const StoreContextHandle context(X509_STORE_CTX_new());
        X509_STORE_CTX_init(context.get(), store.get(), certificate->get(), nullptr);
        X509_verify_cert(context.get());
        return X509_STORE_CTX_get_error(context.get());
    }

    IssueRequest request_;
};

/// The common name's string type and its text in UTF-8.
std::pair<int, std::string> common_name(const X509* certificate) {
    const X509_NAME* name = X509_get_subject_name(certificate);
    const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, value);
    std::string converted(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return {ASN1_STRING_type(value), converted};
}

int code_extension_index(const X509* certificate) {
    const ObjectHandle type(OBJ_txt2obj("1.2.156.10260.4.1.4", 1));
    return X509_get_ext_by_OBJ(certificate, type.get(), -1);
}

TEST_F(AuthorityTest, certificate_verifies_until_it_is_revoked) {
    EXPECT_EQ(verification_error(), X509_V_OK);
    const auto authority = CertificateAuthority::open(folder_ / "ca");
    ASSERT_TRUE(authority);
    ASSERT_TRUE(revoke_card(*authority, folder_ / "card"));
    ASSERT_TRUE(revoke_card(*authority, folder_ / "card"));
    EXPECT_EQ(verification_error(), X509_V_ERR_CERT_REVOKED);
    issued();
    EXPECT_EQ(verification_error(), X509_V_OK);
}

TEST_F(AuthorityTest, plain_form_has_the_code_in_its_extension) {
    const auto certificate = issued();
    EXPECT_EQ(common_name(certificate.get()), std::pair(V_ASN1_UTF8STRING, request_.subject.name));
    EXPECT_GE(code_extension_index(certificate.get()), 0);
}

TEST_F(AuthorityTest, cfca_form_has_the_code_in_the_name) {
    request_.subject.form = SubjectForm::cfca;
    const auto certificate = issued();
    EXPECT_EQ(common_name(certificate.get()).second, "051@中共某某乡总支部委员会@500102000002@1");
    EXPECT_LT(code_extension_index(certificate.get()), 0);
}

TEST_F(AuthorityTest, bmp_encoding) {
    request_.subject.encoding = TextEncoding::bmp;
    EXPECT_EQ(common_name(issued().get()), std::pair(V_ASN1_BMPSTRING, request_.subject.name));
}

TEST_F(AuthorityTest, reissuing_keeps_key_and_pin_state_unless_asked) {
    verify("111111");
    const auto first = issued();
    const auto second = issued();
    EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(first.get()), X509_get0_pubkey(second.get())), 1);
    request_.new_key = true;
    const auto third = issued();
    EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(first.get()), X509_get0_pubkey(third.get())), 0);
    reopen();
    EXPECT_EQ(card_->pin_tries_left(), 2U);
}

TEST_F(AuthorityTest, validity_as_asked) {
    request_.not_before = "2020-01-01";
    request_.not_after = "2021-01-01T12:30:00Z";
    issued();
    EXPECT_EQ(verification_error(), X509_V_ERR_CERT_HAS_EXPIRED);
    request_.not_before = "soon";
    const auto authority = CertificateAuthority::open(folder_ / "ca");
    ASSERT_TRUE(authority);
    EXPECT_FALSE(issue_card(*authority, folder_ / "card", request_));
}

TEST_F(AuthorityTest, dual_certificates_have_keys_of_their_own) {
    request_.dual = true;
    const auto signing = issued();
    const auto encryption = read_certificate(folder_ / "card" / "9d.pem");
    ASSERT_TRUE(encryption);
    EXPECT_EQ(X509_get_key_usage(encryption->get()), static_cast<std::uint32_t>(KU_KEY_AGREEMENT));
    EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(signing.get()), X509_get0_pubkey(encryption->get())), 0);
}

} // namespace
} // namespace ukey::virtual_card
