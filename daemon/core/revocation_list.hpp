// SPDX-License-Identifier: Apache-2.0
// Certificate revocation lists (RFC 5280 §5). Not OpenSSL's own check: that one hashes the whole list at
// every verification, which takes too long for a city's list on the I/O thread, and cannot verify SM2 lists.
// Internal to daemon/core.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/core/openssl_handle.hpp"

namespace ukey {

enum class Revocation { unknown, good, revoked };

/// One list with the issuers' keys that are known to have signed it. Immutable after `remember_issuer`.
class RevocationList {
  public:
    /// Nullopt when the bytes are no DER revocation list.
    static std::optional<RevocationList> parse(std::string_view der);

    /// Verifies the list by this certificate, if it is of that issuer, so that `check` need not.
    void remember_issuer(const X509* issuer);

    /// What the list says about a certificate of `issuer`. Unknown when it is of another issuer, not signed
    /// by it, not in date, or of a kind that cannot be judged alone (a delta list, an indirect one, some
    /// reasons only, another distribution point). Its signature is verified here only if the issuer was not
    /// remembered.
    Revocation check(const X509* certificate, const X509* issuer, Timestamp moment) const;

    const ASN1_TIME* last_update() const { return X509_CRL_get0_lastUpdate(list_.get()); }
    const ASN1_TIME* next_update() const { return X509_CRL_get0_nextUpdate(list_.get()); } ///< null: none

  private:
    explicit RevocationList(CrlHandle list) : list_(std::move(list)) {}

    bool is_signed_by(const X509* issuer) const;
    bool is_current(Timestamp moment) const;
    bool covers(const X509* certificate) const;

    CrlHandle list_;
    std::string der_;
    bool complete_ = false; ///< neither delta nor indirect, and no critical extension that is unknown here
    std::vector<std::string> issuer_keys_; ///< SHA-256 of the SubjectPublicKeyInfo
};

} // namespace ukey
