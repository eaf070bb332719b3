// SPDX-License-Identifier: Apache-2.0
// Which U-Key it is: manufacturer, model and token serial, never the port or the USB serial.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/core/clock.hpp"

namespace ukey {

struct KeyIdentity {
    std::string manufacturer;
    std::string model;
    std::string serial;

    auto operator<=>(const KeyIdentity&) const = default;
};

/// How the key's last attested login went.
struct LastAttestation {
    std::chrono::microseconds duration{0}; ///< what it added to C_Login, as the process said
    Timestamp at{};
};

/// The id people and records use: 12 hexadecimal digits from the SHA-256 of the identity and of the public
/// key it was first seen with, which tells two tokens of one serial apart.
std::string make_key_id(const KeyIdentity& identity, std::string_view first_spki_sha256);

} // namespace ukey
