// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/key.hpp"

#include "daemon/core/certificate.hpp"

namespace ukey {

std::string make_key_id(const KeyIdentity& identity, std::string_view first_spki_sha256) {
    constexpr std::size_t id_digits = 12; // 48 bits: a workstation sees some dozens of keys in its life
    std::string text;
    for (const std::string_view part :
         {std::string_view(identity.manufacturer), std::string_view(identity.model),
          std::string_view(identity.serial), first_spki_sha256}) {
        text.append(part);
        text.push_back('\0');
    }
    return sha256_hex(text).substr(0, id_digits);
}

} // namespace ukey
