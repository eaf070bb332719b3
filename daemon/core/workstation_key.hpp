// SPDX-License-Identifier: Apache-2.0
// The key a workstation signs its ledger's checkpoints with: Ed25519 (RFC 8032).
#pragma once

#include <string>
#include <string_view>

#include "daemon/core/openssl_handle.hpp"
#include "daemon/core/result.hpp"
#include "daemon/core/secret.hpp"

namespace ukey {

constexpr std::size_t ed25519_public_key_bytes = 32;
constexpr std::size_t ed25519_signature_bytes = 64;

class WorkstationKey {
  public:
    static WorkstationKey generate();
    /// A PEM file (PKCS #8, unencrypted) that is nobody else's to read. Blocks. Errors
    /// `workstation.key_unusable` (no such key in it, or others may read it), `state.unusable`.
    static Result<WorkstationKey> load(const std::string& path);
    /// Makes the file, durably and with mode 0600, when there is none. Never replaces one.
    static Result<WorkstationKey> load_or_create(const std::string& path);
    /// What such a file holds; `origin` is for the error `workstation.key_unusable`.
    static Result<WorkstationKey> from_pem(std::string_view pem, const std::string& origin);

    /// The private key as text.
    Secret to_pem() const;
    /// Makes the file, durably and with mode 0600. Never replaces one. Error `state.unusable`.
    Result<void> save(const std::string& path) const;
    /// Saves it durably beside the one at `path`, under next_key_path(); one that is there is replaced.
    Result<void> keep_as_next(const std::string& path) const;
    /// The one under next_key_path() replaces the one at `path`, which is gone then.
    static Result<void> put_next_in_place(const std::string& path);
    static void forget_next(const std::string& path);

    /// 32 raw bytes.
    const std::string& public_key() const { return public_key_; }
    /// What people compare: key_fingerprint(public_key()).
    const std::string& fingerprint() const { return fingerprint_; }

    /// 64 raw bytes.
    std::string sign(std::string_view text) const;

  private:
    explicit WorkstationKey(PkeyHandle key);

    PkeyHandle key_;
    std::string public_key_;
    std::string fingerprint_;
};

/// Where a key waits that is to follow the one at `path`.
std::string next_key_path(const std::string& path);

/// SHA-256 of the DER SubjectPublicKeyInfo (RFC 8410 §4), 64 lower-case hexadecimal digits: what
/// `openssl pkey -pubout -outform DER | sha256sum` prints.
std::string key_fingerprint(std::string_view public_key);

/// False for a key or a signature of another length, too.
bool verify_ed25519(std::string_view public_key, std::string_view text, std::string_view signature);

} // namespace ukey
