// SPDX-License-Identifier: Apache-2.0
// Which U-Key it is: manufacturer, model and token serial, never the port or the USB serial.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ukey {

struct KeyIdentity {
    std::string manufacturer;
    std::string model;
    std::string serial;

    auto operator<=>(const KeyIdentity&) const = default;
};

/// The id people and records use: 12 hexadecimal digits from the SHA-256 of the identity and of the public
/// key it was first seen with, which tells two tokens of one serial apart.
std::string make_key_id(const KeyIdentity& identity, std::string_view first_spki_sha256);

} // namespace ukey
