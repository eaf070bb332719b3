// SPDX-License-Identifier: Apache-2.0
// What a card remembers without power, apart from its keys and certificates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/bytes.hpp"
#include "tests/card/virtual_ukey/card/reference_data.hpp"

namespace ukey::virtual_card {

constexpr std::size_t guid_size_bytes = 16;
/// Every U-Key leaves the factory with this one.
constexpr std::string_view default_pin = "123456";
constexpr std::string_view default_puk = "12345678";
constexpr unsigned default_pin_tries = 6;
constexpr unsigned puk_tries = 10;

/// What was asked of the card since it was made. Tests read these to prove that no PIN try was spent.
struct Counters {
    std::uint64_t apdu_count = 0;
    /// VERIFY commands that carried a PIN, and how many of those were refused.
    std::uint64_t verify_count = 0;
    std::uint64_t verify_failed = 0;
    /// VERIFY commands without a PIN: they ask how many tries are left, and spend none.
    std::uint64_t verify_query_count = 0;
    std::uint64_t pin_change_count = 0;
    std::uint64_t pin_change_failed = 0;
    std::uint64_t pin_unblock_count = 0;
    std::uint64_t pin_unblock_failed = 0;
    std::uint64_t sign_count = 0;
    /// Uses of the key management key.
    std::uint64_t decrypt_count = 0;
    std::uint64_t power_on_count = 0;
};

struct CounterField {
    std::string_view name;
    std::uint64_t Counters::*value;
};

/// The counters by their names in files and on the control socket.
constexpr CounterField counter_fields[] = {
    {"apdu_count", &Counters::apdu_count},
    {"verify_count", &Counters::verify_count},
    {"verify_failed", &Counters::verify_failed},
    {"verify_query_count", &Counters::verify_query_count},
    {"pin_change_count", &Counters::pin_change_count},
    {"pin_change_failed", &Counters::pin_change_failed},
    {"pin_unblock_count", &Counters::pin_unblock_count},
    {"pin_unblock_failed", &Counters::pin_unblock_failed},
    {"sign_count", &Counters::sign_count},
    {"decrypt_count", &Counters::decrypt_count},
    {"power_on_count", &Counters::power_on_count},
};

struct CardState {
    /// The card's GUID in the CHUID; OpenSC makes the token serial of its last eight bytes.
    Bytes guid;
    ReferenceData pin;
    ReferenceData puk;
    Counters counters;
};

/// A new card. `guid` may be empty: a random one is made.
Result<CardState> make_card_state(std::string_view pin, std::string_view puk, unsigned pin_tries, Bytes guid);

std::string encode_card_state(const CardState& state);
Result<CardState> decode_card_state(std::string_view text);

} // namespace ukey::virtual_card
