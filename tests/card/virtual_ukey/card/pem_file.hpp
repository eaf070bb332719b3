// SPDX-License-Identifier: Apache-2.0
// Certificates and revocation lists in PEM files.
#pragma once

#include <filesystem>
#include <vector>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/openssl_handles.hpp"

namespace ukey::virtual_card {

Result<CertificateHandle> read_certificate(const std::filesystem::path& path);
/// One after the other, in this order.
Result<void> write_certificates(const std::filesystem::path& path,
                                const std::vector<const X509*>& certificates);

Result<CrlHandle> read_crl(const std::filesystem::path& path);
Result<void> write_crl(const std::filesystem::path& path, const X509_CRL* crl);

} // namespace ukey::virtual_card
