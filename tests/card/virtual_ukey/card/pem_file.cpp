// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/pem_file.hpp"

#include <openssl/pem.h>

#include "tests/card/virtual_ukey/card/file.hpp"

namespace ukey::virtual_card {

namespace {

constexpr mode_t public_file_mode = 0644;

template <auto Read, typename Handle>
Result<Handle> read_pem(const std::filesystem::path& path) {
    const auto content = read_file(path);
    if (!content)
        return tl::unexpected(content.error());
    const BioHandle bio(BIO_new_mem_buf(content->data(), static_cast<int>(content->size())));
    Handle object(Read(bio.get(), nullptr, nullptr, nullptr));
    if (!object)
        return fail("virtual_card.pem", "read a PEM file", path.string(), openssl_reason());
    return object;
}

Result<void> write_bio(const std::filesystem::path& path, BIO* bio) {
    const char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return replace_file(path, {text, static_cast<std::size_t>(size)}, public_file_mode);
}

} // namespace

Result<CertificateHandle> read_certificate(const std::filesystem::path& path) {
    return read_pem<PEM_read_bio_X509, CertificateHandle>(path);
}

Result<CrlHandle> read_crl(const std::filesystem::path& path) {
    return read_pem<PEM_read_bio_X509_CRL, CrlHandle>(path);
}

Result<void> write_certificates(const std::filesystem::path& path,
                                const std::vector<const X509*>& certificates) {
    const BioHandle bio(BIO_new(BIO_s_mem()));
    for (const X509* certificate : certificates)
        if (PEM_write_bio_X509(bio.get(), certificate) != 1)
            return fail("virtual_card.pem", "write a certificate", path.string(), openssl_reason());
    return write_bio(path, bio.get());
}

Result<void> write_crl(const std::filesystem::path& path, const X509_CRL* crl) {
    const BioHandle bio(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_X509_CRL(bio.get(), crl) != 1)
        return fail("virtual_card.pem", "write a revocation list", path.string(), openssl_reason());
    return write_bio(path, bio.get());
}

} // namespace ukey::virtual_card
