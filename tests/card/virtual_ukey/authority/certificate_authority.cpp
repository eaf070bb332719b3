// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/authority/certificate_authority.hpp"

#include <openssl/x509v3.h>

#include "tests/card/virtual_ukey/authority/revocation_list.hpp"
#include "tests/card/virtual_ukey/card/pem_file.hpp"

namespace ukey::virtual_card {

namespace fs = std::filesystem;

namespace {

constexpr int root_validity_days = 7300;
constexpr int intermediate_validity_days = 3650;
/// Tests may issue certificates that began in the past; their chain has to have been valid then.
constexpr int backdated_days = 3650;

struct Member {
    PrivateKey key;
    CertificateHandle certificate;
};

Result<Validity> authority_validity(int days) {
    auto not_before = days_from_now(-backdated_days);
    auto not_after = days_from_now(days);
    if (!not_before || !not_after)
        return tl::unexpected(not_before ? not_after.error() : not_before.error());
    return Validity{std::move(*not_before), std::move(*not_after)};
}

/// `issuer` is null for the root.
Result<Member> make_member(const std::string& name, KeyAlgorithm algorithm, int days, const Member* issuer) {
    auto key = PrivateKey::generate(algorithm);
    if (!key)
        return tl::unexpected(key.error());
    const auto subject = make_subject_name({name, {}, SubjectForm::common_name, TextEncoding::utf8, {}});
    const auto validity = authority_validity(days);
    if (!subject || !validity)
        return tl::unexpected(subject ? validity.error() : subject.error());
    const std::vector<ExtensionText> extensions{
        {NID_basic_constraints, issuer != nullptr ? "critical,CA:TRUE,pathlen:0" : "critical,CA:TRUE"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid"}};
    auto certificate = build_certificate({subject->get(), key->handle(), *validity, extensions},
                                         issuer != nullptr ? issuer->certificate.get() : nullptr,
                                         issuer != nullptr ? issuer->key.handle() : key->handle());
    if (!certificate)
        return tl::unexpected(certificate.error());
    return Member{std::move(*key), std::move(*certificate)};
}

Result<void> write_folder(const fs::path& folder, const Member& root, const Member& intermediate) {
    const X509* root_certificate = root.certificate.get();
    const X509* intermediate_certificate = intermediate.certificate.get();
    return root.key.save(folder / "root.key.pem")
        .and_then([&] { return intermediate.key.save(folder / "intermediate.key.pem"); })
        .and_then([&] { return write_certificates(folder / "root.pem", {root_certificate}); })
        .and_then([&] { return write_certificates(folder / "intermediate.pem", {intermediate_certificate}); })
        .and_then([&] {
            return write_certificates(folder / "chain.pem", {intermediate_certificate, root_certificate});
        })
        .and_then([&] {
            return update_revocation_list(folder / "root_crl.pem", root_certificate, root.key.handle(), {});
        })
        .and_then([&] {
            return update_revocation_list(folder / "crl.pem", intermediate_certificate,
                                          intermediate.key.handle(), {});
        });
}

} // namespace

Result<CertificateAuthority> CertificateAuthority::create(const fs::path& folder, const std::string& name,
                                                          KeyAlgorithm algorithm) {
    if (fs::exists(folder / "root.pem"))
        return fail("virtual_card.exists", "make a CA", folder.string(), "the folder holds a CA already");
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        return fail("io.failed", "make a CA", folder.string(), error.message());
    const auto root = make_member(name + " 根", algorithm, root_validity_days, nullptr);
    if (!root)
        return tl::unexpected(root.error());
    auto intermediate = make_member(name, algorithm, intermediate_validity_days, &*root);
    if (!intermediate)
        return tl::unexpected(intermediate.error());
    if (const auto written = write_folder(folder, *root, *intermediate); !written)
        return tl::unexpected(written.error());
    return CertificateAuthority(folder, std::move(intermediate->certificate), std::move(intermediate->key));
}

Result<CertificateAuthority> CertificateAuthority::open(const fs::path& folder) {
    auto certificate = read_certificate(folder / "intermediate.pem");
    if (!certificate)
        return tl::unexpected(certificate.error());
    auto key = PrivateKey::load(folder / "intermediate.key.pem");
    if (!key)
        return tl::unexpected(key.error());
    return CertificateAuthority(folder, std::move(*certificate), std::move(*key));
}

Result<CertificateHandle> CertificateAuthority::issue(const Subject& subject, EVP_PKEY* public_key,
                                                      const Validity& validity,
                                                      const std::string& key_usage) const {
    const auto name = make_subject_name(subject);
    if (!name)
        return tl::unexpected(name.error());
    const auto code = make_code_extension(subject);
    if (!code)
        return tl::unexpected(code.error());
    const std::vector<ExtensionText> extensions{{NID_basic_constraints, "critical,CA:FALSE"},
                                                {NID_key_usage, "critical," + key_usage},
                                                {NID_ext_key_usage, "clientAuth"},
                                                {NID_subject_key_identifier, "hash"},
                                                {NID_authority_key_identifier, "keyid"}};
    return build_certificate({name->get(), public_key, validity, extensions, code->get()}, certificate_.get(),
                             key_.handle());
}

Result<void> CertificateAuthority::revoke(const std::vector<const X509*>& certificates) const {
    return update_revocation_list(folder_ / "crl.pem", certificate_.get(), key_.handle(), certificates);
}

} // namespace ukey::virtual_card
