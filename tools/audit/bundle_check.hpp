// SPDX-License-Identifier: Apache-2.0
// Is a bundle what its workstation wrote? Checked from the file alone, without a service;
// docs/formats/bundle.md says what each step proves.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/bundle.hpp"
#include "daemon/core/certificate.hpp"

namespace ukey::ctl {

/// What is wrong with a bundle.
struct BundleProblem {
    /// `bundle.malformed`, `bundle.truncated`, `bundle.record_wrong`, `bundle.record_missing`,
    /// `bundle.checkpoint_wrong`, `bundle.checkpoint_missing`, `bundle.attestation_wrong`,
    /// `bundle.personal_wrong`, `bundle.rotation_wrong`, `bundle.end_wrong`.
    std::string code;
    std::optional<std::uint64_t> seq; ///< of the record or checkpoint that fails
    std::string reason;

    bool operator==(const BundleProblem&) const = default;
};

/// A question that was answered by an attestation that holds.
struct AnsweredNonce {
    std::array<char, 64> nonce; ///< its hexadecimal digits; of a nonce of another form those of its SHA-256
    std::uint64_t seq;          ///< of the record

    /// By nonce, then by record. clang-tidy 14 takes the 0 that it is compared with for a pointer.
    auto operator<=>(const AnsweredNonce&) const = default; // NOLINT(modernize-use-nullptr)
};

/// What a bundle says, and what of it does not hold.
struct CheckedBundle {
    BundleHeader header;
    std::string workstation; ///< the key's fingerprint; empty: the file has no header that can be read
    /// The keys that signed this ledger, each vouched for by the one before it: fingerprints, the oldest
    /// first, `workstation` last. Empty as that is.
    std::vector<std::string> identities;
    std::uint64_t last_seq = 0;
    Timestamp first_time{};
    Timestamp last_time{};
    std::vector<SignedCheckpoint> checkpoints; ///< whose signature holds
    std::string hashes;                        ///< of the records in their order, 32 bytes each
    std::vector<std::uint64_t> seams;          ///< records at which it goes on from a restored backup
    std::uint64_t attested = 0;                ///< attestations that hold
    std::uint64_t attested_removed = 0;  ///< whose attestation was removed: it cannot be checked any more
    std::uint64_t personal_removed = 0;  ///< records that refer to what is not in the file
    std::vector<AnsweredNonce> nonces;   ///< of the attestations that hold, sorted; each nonce once
    std::vector<BundleProblem> problems; ///< at most problems_of_a_kind_max of each code
    std::uint64_t problems_left_out = 0;

    /// Its records are what its workstation signed; an attestation in one of them may still not hold.
    bool is_signed() const;
    std::uint64_t records() const { return hashes.size() / 32; }
    /// The fingerprint of the ledger's first key: the same in all bundles of one ledger, whatever key signed
    /// them.
    const std::string& origin() const { return identities.empty() ? workstation : identities.front(); }
    /// Of a record in it, or of the one before its first; nullopt for any other.
    std::optional<std::string_view> hash_of(std::uint64_t seq) const;
};

/// A file that is all noise need not be listed record by record, and must not hide what else there is.
constexpr std::size_t problems_of_a_kind_max = 20;

struct BundleCheckOptions {
    unsigned threads = 1;
    /// The U-Keys' CAs; null: certificates are not looked at, only signatures.
    const TrustStore* trust = nullptr;
    /// Called now and then with the bytes looked at so far.
    std::function<void(std::size_t)> progress;
};

/// `file` is the whole file.
CheckedBundle check_bundle(std::string_view file, const BundleCheckOptions& options);

} // namespace ukey::ctl
