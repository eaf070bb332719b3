// SPDX-License-Identifier: Apache-2.0
// A PIN or PUK as the card keeps it: a salted digest and a retry counter, never the value itself.
#pragma once

#include <optional>
#include <string_view>

#include "tests/card/virtual_ukey/card/bytes.hpp"

namespace ukey::virtual_card {

/// Eight bytes, as they travel in VERIFY: the PIN, padded with 'FF' (SP 800-73-4 part 2, 2.4.3).
constexpr std::size_t reference_size_bytes = 8;

/// Padded for the card; nothing when it is no PIN of six to eight decimal digits.
std::optional<Bytes> pad_pin(std::string_view pin);

/// Is this a PIN of six to eight decimal digits, padded with 'FF'?
bool is_padded_pin(ByteView padded);

class ReferenceData {
  public:
    ReferenceData() = default;
    /// A fresh reference: full retry counter.
    ReferenceData(ByteView padded, unsigned tries_max);
    /// As it was stored.
    ReferenceData(Bytes salt, Bytes digest, unsigned tries_max, unsigned tries_left);

    /// Takes the same time whatever differs.
    bool matches(ByteView padded) const;
    /// A new value with a new salt; the counter is left as it is.
    void replace(ByteView padded);

    void spend_try() { tries_left_ -= tries_left_ > 0 ? 1U : 0U; }
    void restore_tries() { tries_left_ = tries_max_; }
    void limit_tries(unsigned tries) { tries_left_ = tries < tries_left_ ? tries : tries_left_; }

    bool blocked() const { return tries_left_ == 0; }
    unsigned tries_left() const { return tries_left_; }
    unsigned tries_max() const { return tries_max_; }
    const Bytes& salt() const { return salt_; }
    const Bytes& digest() const { return digest_; }

  private:
    Bytes salt_;
    Bytes digest_;
    unsigned tries_max_ = 0;
    unsigned tries_left_ = 0;
};

} // namespace ukey::virtual_card
