// SPDX-License-Identifier: Apache-2.0
// A card's personalisation: its folder, keys and certificates.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/authority/certificate_authority.hpp"
#include "tests/card/virtual_ukey/card/card_folder.hpp"

namespace ukey::virtual_card {

struct IssueRequest {
    Subject subject;
    KeyAlgorithm algorithm = KeyAlgorithm::rsa_2048;
    /// Counted from `not_before`, unless `not_after` is given.
    int validity_days = 365;
    std::string not_before;
    std::string not_after;
    /// An encryption certificate too.
    bool dual = false;
    bool new_key = false;
    std::string key_usage = "digitalSignature,nonRepudiation";
    /// For a folder that is not a card yet; empty: random.
    Bytes guid;
    unsigned pin_tries = default_pin_tries;
};

/// Makes the card if the folder holds none, otherwise keeps its GUID, PIN and counters. An existing key of
/// the same algorithm is certified again unless a new one is asked for.
Result<void> issue_card(const CertificateAuthority& authority, const std::filesystem::path& folder,
                        const IssueRequest& request);

/// Revokes every certificate that is in the folder now.
Result<void> revoke_card(const CertificateAuthority& authority, const std::filesystem::path& folder);

} // namespace ukey::virtual_card
