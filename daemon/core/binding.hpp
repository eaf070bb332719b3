// SPDX-License-Identifier: Apache-2.0
// Binding: one key manages one organisation, and the certificate's name must be the organisation's, exactly.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/certificate.hpp"
#include "daemon/core/finding.hpp"

namespace ukey {

/// What the store knows of a key when it is looked at.
struct BindingState {
    /// The organisation that it is bound to; code empty: none.
    std::string organisation_code;
    std::string organisation_name;
    std::vector<std::string> organisation_path;
    /// The public key that was pinned at binding.
    std::string pinned_spki_sha256;
    /// Names of the registry that equal the certificate's name exactly (their codes), or only look like it.
    std::vector<std::string> exact_codes;
    std::vector<std::string> similar_names;
    bool registry_is_empty = true;
};

/// Does a certificate name this organisation? Compares after NFC, code point by code point, and the code too
/// when the certificate has one. Nothing when it does, else `binding.name_mismatch` (looks alike) or
/// `binding.other_organisation`, for the subject `key`.
std::optional<Finding> check_certificate_names(const std::string& key, const CertificateFacts& certificate,
                                               const std::string& organisation_code,
                                               const std::string& organisation_name);

/// Findings about a key's binding: `binding.none`, `binding.rekeyed`, `binding.name_mismatch`,
/// `binding.other_organisation`, `binding.unknown_organisation`. `certificate` may be null: the key has none
/// that can be read.
std::vector<Finding> binding_findings(const std::string& key, const CertificateFacts* certificate,
                                      const BindingState& state);

} // namespace ukey
