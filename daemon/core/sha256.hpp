// SPDX-License-Identifier: Apache-2.0
// SHA-256 many times over: one object per thread.
#pragma once

#include <string>
#include <string_view>

#include <openssl/sha.h>

#include "daemon/core/openssl_handle.hpp"

namespace ukey {

class Sha256 {
  public:
    static constexpr std::size_t bytes = 32;

    /// The digest of both, one after the other, into 32 bytes at `digest`.
    void digest(std::string_view first, std::string_view second, char* digest);

  private:
    SHA256_CTX context_{};
};

/// The digest of what comes piece by piece.
class RunningSha256 {
  public:
    RunningSha256();

    void append(std::string_view piece);
    /// 32 raw bytes; nothing can be appended any more.
    std::string finish();

  private:
    EvpMdContextHandle context_;
};

} // namespace ukey
