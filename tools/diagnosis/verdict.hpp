// SPDX-License-Identifier: Apache-2.0
// What a diagnosis comes to: the rules by which faults, and what another diagnosis says, become one of five
// verdicts (docs/diagnosis.md). A key is sent back by the rules of this file alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/clock.hpp"

namespace ukey::ctl {

enum class Verdict : std::uint8_t {
    key_in_order,
    fix_this_computer,
    user_action,
    return_key,
    try_another_computer,
};
/// "key_in_order" …
std::string_view to_string(Verdict verdict);

/// Where a fault can lie.
enum class Side : std::uint8_t {
    computer,  ///< here, whatever the key is like
    person,    ///< nothing is broken; somebody has to do something
    chip,      ///< the key itself has proved it: what it signed is wrong
    suspicion, ///< the key or the computer
    note,      ///< worth knowing; it keeps no key from working
};

/// What proves a suspicion.
enum class Proof : std::uint8_t {
    none,          ///< nothing that a diagnosis can see
    two_computers, ///< the same on a second computer on which nothing else is wrong
    other_key_too, ///< that, or another key that works at the same port of this computer
};

/// "computer", "two_computers" …
std::string_view to_string(Side side);
std::string_view to_string(Proof proof);

/// What a code means for the verdict.
struct FaultRule {
    std::string_view code;
    Side side;
    Proof proof = Proof::none;
    /// What it comes to once that is proved.
    Verdict proved = Verdict::try_another_computer;
};

/// Sorted by code. A code that is not in it is a suspicion that nothing proves.
std::span<const FaultRule> fault_rules();
FaultRule rule_of(std::string_view code);
/// null: the code is not in the table.
const FaultRule* find_rule(std::string_view code);

/// What one diagnosis says of one key.
struct Evidence {
    std::string computer; ///< its id; empty: not known
    std::string computer_name;
    std::string port;       ///< USB port; empty: none
    std::string usb_id;     ///< "096e:0807"; empty: no device was seen
    std::string usb_serial; ///< of the device, where it has one
    std::string key;        ///< the token's id; empty: none was read
    std::string serial;     ///< the token's
    Timestamp time{};
    std::vector<std::string> faults; ///< codes of what was found wrong
    bool service_away = false;       ///< without ukeyd the upper layers are not known
    bool complete = false;           ///< each layer was looked at, or there was no need to
    bool virtual_machine = false;    ///< the port that it sees is not the one that the key is in

    /// A token was read, and nothing but notes are to be said of it.
    bool is_in_order() const;
};

/// Whether two diagnoses are of one key, by serials and USB ids, as far as both have them.
enum class SameKey : std::uint8_t { same, different, unknown };
SameKey compare_keys(const Evidence& one, const Evidence& other);

/// The decisions, in the order in which they are tried: the first that applies is the verdict.
enum class Decision : std::uint8_t {
    chip_is_wrong,
    works_elsewhere,
    computer_at_fault,
    same_on_two_computers,
    other_key_works_here,
    suspicion_only,
    person_can_act,
    service_away,
    nothing_wrong,
    cannot_tell,
};
/// "chip_is_wrong" …
std::string_view to_string(Decision decision);

struct Judgement {
    Verdict verdict = Verdict::try_another_computer;
    Decision decision = Decision::cannot_tell;
    std::vector<std::string> because; ///< the codes that decided, the decisive one first
    std::optional<std::size_t> with;  ///< the earlier diagnosis that decided with them
};

/// A diagnosis that is older says nothing of the key as it is today, or of the port.
constexpr std::chrono::days previous_max_age{30};
constexpr std::chrono::hours other_key_max_age{4};

/// `previous` are diagnoses of the same key on other computers, or of another key of its kind on this one;
/// those that are neither, are too old or are of later than `now` do not count. Computers are two when both
/// their ids and their names differ, and one when neither does; else nobody knows.
Judgement judge(const Evidence& now, std::span<const Evidence> previous);

} // namespace ukey::ctl
