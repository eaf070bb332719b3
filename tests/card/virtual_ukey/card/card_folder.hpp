// SPDX-License-Identifier: Apache-2.0
// The folder that is a card's memory:
//   state.json                   GUID, PIN and PUK (salted digests), retry counters, counters
//   9a.key.pem, 9a.pem           signing key and certificate (PIV slot 9A)
//   9d.key.pem, 9d.pem           encryption key and certificate (PIV slot 9D), for dual certificates
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/card_state.hpp"
#include "tests/card/virtual_ukey/card/private_key.hpp"

namespace ukey::virtual_card {

/// Key references of SP 800-73-4 part 1, table 4b.
enum class KeySlot : std::uint8_t { authentication = 0x9a, key_management = 0x9d };

struct Credential {
    PrivateKey key;
    /// DER; empty when the key has no certificate yet.
    Bytes certificate;
};

using Credentials = std::map<KeySlot, Credential>;

class CardFolder {
  public:
    explicit CardFolder(std::filesystem::path path) : path_(std::move(path)) {}

    /// Creates the folder (mode 0700) with this state. Refuses a folder that holds a card already.
    Result<void> create(const CardState& state) const;
    bool holds_card() const;

    Result<CardState> load_state() const;
    Result<void> save_state(const CardState& state) const;
    Result<Credentials> load_credentials() const;

    std::filesystem::path key_path(KeySlot slot) const;
    std::filesystem::path certificate_path(KeySlot slot) const;

  private:
    std::filesystem::path path_;
};

} // namespace ukey::virtual_card
