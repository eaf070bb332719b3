// SPDX-License-Identifier: Apache-2.0
// Whether certificates were in order at the times of their logins: a million logins are of few certificates,
// and a chain takes a hundred times as long to verify as to remember.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/core/attestation.hpp"
#include "daemon/core/certificate.hpp"

namespace ukey::ctl {

/// Keeps each answer for as long as nothing that it rests on begins or ends to be valid. One thread.
class CertificateTrust {
  public:
    /// `store` must outlive it.
    explicit CertificateTrust(const TrustStore& store) : store_(&store), dates_(store.dates({})) {}

    /// A possible intermediate from now on (DER).
    void add_intermediate(std::string der);

    /// Was it valid, trusted and not revoked at that moment? False also when it is no certificate.
    bool holds(const std::string& der, Timestamp moment);

  private:
    struct Answer {
        Timestamp until; ///< exclusive
        bool holds;
    };
    struct Known {
        CertificateFacts facts;
        std::map<Timestamp, Answer> answers; ///< by their begin
    };
    void forget();
    /// Null: it is no certificate.
    Known* find(const std::string& der);
    bool verify(const CertificateFacts& facts, Timestamp moment) const;
    void remember(Known& known, Timestamp moment, bool holds);

    const TrustStore* store_;
    std::vector<std::string> intermediates_;
    std::vector<Timestamp> dates_; ///< of the store with these intermediates
    std::unordered_map<std::string, std::optional<Known>, CertificateHash> known_;
    std::size_t answers_ = 0; ///< of all of them
};

} // namespace ukey::ctl
