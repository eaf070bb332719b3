// SPDX-License-Identifier: Apache-2.0
// The attested sessions of a bundle: does the U-Key's signature hold, at that place and time, by the key that
// was bound, with a certificate that was in order? docs/formats/bundle.md §4 has the steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/attestation.hpp"
#include "tools/audit/attestation_reader.hpp"
#include "tools/audit/bundle_check.hpp"
#include "tools/audit/certificate_trust.hpp"
#include "tools/audit/record_check.hpp"

namespace ukey::ctl {

struct AttestationVerdict {
    enum class Kind : std::uint8_t {
        none,    ///< the session claims no more than that the service heard of it
        removed, ///< the attestation was removed with what else was personal in the record
        wrong,
        holds,
    };
    Kind kind = Kind::none;
    std::string reason; ///< if it is wrong: a word
    decltype(AnsweredNonce::nonce)
        nonce_digits{}; ///< if it holds; no text of its own, which a million logins feel
};

class AttestationCheck {
  public:
    /// `bundle` and `trust` must outlive it. Of `bundle` it looks at the hashes of the records, as far as
    /// they are there. `trust` may be null: certificates are not looked at then.
    AttestationCheck(const CheckedBundle& bundle, const TrustStore* trust, unsigned threads);

    /// The payload of a binding or a release, for the records after it. Not while anything is judged.
    void take_binding(std::uint64_t seq, std::string_view payload);
    /// A certificate of the bundle's, DER. Not while anything is judged.
    void add_intermediate(const std::string& der);

    /// A record `session.started`. `thread` is less than `threads`, and at any time another one for each
    /// caller. A record that is not well-formed is `none`.
    AttestationVerdict judge(std::uint64_t seq, const OpenedRecord& opened, const RecordFacts& facts,
                             std::size_t thread);

  private:
    /// What one thread keeps from one login to the next.
    struct Judge {
        AttestationReader reader;
        AttestationVerifier verifier;
        std::optional<CertificateTrust> trust;
    };
    std::string why_not(const Attestation& attestation, std::uint64_t seq, Timestamp written,
                        Judge& judge) const;
    bool is_other_key(const LoginRecord& login, std::uint64_t seq) const;

    const CheckedBundle& bundle_;
    std::vector<Judge> judges_;
    /// Public keys that were pinned: by the U-Key, at the record from which on they hold; empty: none, it was
    /// released. Those of earlier bundles are not known.
    std::map<std::string, std::map<std::uint64_t, std::string>> pinned_;
};

} // namespace ukey::ctl
