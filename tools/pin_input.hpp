// SPDX-License-Identifier: Apache-2.0
// PINs from a person or a program: from the terminal without echo, or from a file descriptor; never from
// arguments or the environment, which every process may read.
#pragma once

#include <optional>
#include <string>

#include "daemon/core/secret.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

/// PKCS#11 says nothing, but no token takes more.
constexpr std::size_t pin_max_bytes = 64;

struct PinPair {
    Secret old_pin;
    Secret new_pin;
};

/// How long a new PIN may be on the key.
struct PinLength {
    std::size_t least = 4;
    std::size_t most = pin_max_bytes;
};

/// Asks for the old PIN and twice for the new one on the controlling terminal. `key` is for messages.
/// Errors `pin.no_terminal`, `pin.new_mismatch`.
Outcome<PinPair> ask_for_pins(const std::string& key);

/// Asks for one PIN. Error `pin.no_terminal`; `usage.arguments` when it is interrupted.
Outcome<Secret> ask_for_pin();

/// One line. Error `usage.arguments`.
Outcome<Secret> read_pin(int descriptor);

/// Two lines: old PIN, new PIN. Error `usage.arguments`.
Outcome<PinPair> read_pins(int descriptor);

/// What may be known to be wrong before the key is asked: `pin.new_is_default`, `pin.new_is_old`,
/// `pin.new_length`.
Outcome<void> check_new_pin(const PinPair& pins, PinLength length);

} // namespace ukey::ctl
