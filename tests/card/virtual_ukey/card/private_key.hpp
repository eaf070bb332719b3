// SPDX-License-Identifier: Apache-2.0
// One private key of the card and the operations a card does with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/bytes.hpp"
#include "tests/card/virtual_ukey/card/openssl_handles.hpp"

namespace ukey::virtual_card {

enum class KeyAlgorithm { rsa_2048, p_256 };

class PrivateKey {
  public:
    static Result<PrivateKey> generate(KeyAlgorithm algorithm);
    /// Reads an unencrypted PEM file.
    static Result<PrivateKey> load(const std::filesystem::path& path);
    /// Writes an unencrypted PKCS#8 PEM file, mode 0600.
    Result<void> save(const std::filesystem::path& path) const;

    KeyAlgorithm algorithm() const { return algorithm_; }
    EVP_PKEY* handle() const { return key_.get(); }

    /// The private-key operation without any padding: input and output are 256 bytes. Signs or decrypts,
    /// depending on what the caller padded (SP 800-73-4 part 2, A.4).
    std::optional<Bytes> rsa_private_operation(ByteView block) const;
    /// An ECDSA signature, in DER, over a digest.
    std::optional<Bytes> ecdsa_sign(ByteView digest) const;
    /// The shared secret with the holder of an uncompressed point.
    std::optional<Bytes> ecdh(ByteView point) const;

  private:
    PrivateKey(KeyHandle key, KeyAlgorithm algorithm) : key_(std::move(key)), algorithm_(algorithm) {}

    KeyHandle key_;
    KeyAlgorithm algorithm_;
};

} // namespace ukey::virtual_card
