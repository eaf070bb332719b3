// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a card, on demand.
#pragma once

#include <optional>
#include <string_view>

namespace ukey::virtual_card {

enum class Fault {
    none,
    /// In the reader, but it gives no answer to reset: its contacts are dirty, or the chip is dead.
    mute,
    /// Every command is answered late.
    slow,
    /// Pulled out as soon as it is asked to sign; it stays out.
    remove_during_sign,
    /// Signs, but the signature does not verify.
    wrong_signature,
    /// What the encryption key decrypts is spoiled.
    wrong_decryption,
    /// Where the certificate should be, there are other bytes.
    garbage_certificate,
    missing_certificate,
    /// Signs with a key that is not the certificate's.
    mismatched_key,
    /// The PIN counts as locked while this fault lasts; the stored counter is not touched.
    locked,
    /// One PIN try is left. This changes the stored counter: the right PIN restores it.
    last_try,
};

std::string_view fault_name(Fault fault);
std::optional<Fault> parse_fault(std::string_view name);

} // namespace ukey::virtual_card
