// SPDX-License-Identifier: Apache-2.0
// A CA's revocation list (RFC 5280, 5).
#pragma once

#include <filesystem>
#include <vector>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/openssl_handles.hpp"

namespace ukey::virtual_card {

/// Adds certificates to the list in this file, which is made if it is not there, and signs it anew.
Result<void> update_revocation_list(const std::filesystem::path& path, const X509* issuer,
                                    EVP_PKEY* issuer_key, const std::vector<const X509*>& revoked);

} // namespace ukey::virtual_card
