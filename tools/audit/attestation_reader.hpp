// SPDX-License-Identifier: Apache-2.0
// Attested sessions as a bundle has them: a record's payload and the value that it refers to, read member by
// member. A bundle has a million of them, and a tree of all members takes longer than what is wanted of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/core/attestation.hpp"

namespace ukey::ctl {

/// For one session after the other; what it has decoded of certificates it keeps. One thread.
class AttestationReader {
  public:
    AttestationReader();
    ~AttestationReader();
    AttestationReader(const AttestationReader&) = delete; // the parser has its address
    AttestationReader& operator=(const AttestationReader&) = delete;
    AttestationReader(AttestationReader&&) = delete;
    AttestationReader& operator=(AttestationReader&&) = delete;

    /// The payload of a record `session.started`; whatever was read before is forgotten. Is it of the grade
    /// `attested`? What is no JSON object is not.
    bool begin(std::string_view payload);

    /// What the payload refers to. Where both have a member the payload's counts, as with reveal().
    void add_opening(std::string_view value);

    /// Once for each begin(), valid until the next one. nullptr: something is missing, is of another type, or
    /// stands there twice.
    const Attestation* attestation();

    /// Of the session, as its record has it; empty: it has none.
    std::string_view started_at() const;

  private:
    struct Members;
    class Handler;
    struct Parser;
    /// Null: it is none.
    const std::string* decode_certificate(const std::string& base64);

    std::unique_ptr<Parser> parser_;
    Attestation attestation_;
    std::unordered_map<std::string, std::string, CertificateHash> certificates_; ///< DER by their Base64
};

} // namespace ukey::ctl
