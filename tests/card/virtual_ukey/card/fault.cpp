// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/fault.hpp"

namespace ukey::virtual_card {

namespace {

constexpr Fault faults[] = {Fault::none,
                            Fault::mute,
                            Fault::slow,
                            Fault::remove_during_sign,
                            Fault::wrong_signature,
                            Fault::wrong_decryption,
                            Fault::garbage_certificate,
                            Fault::missing_certificate,
                            Fault::mismatched_key,
                            Fault::locked,
                            Fault::last_try};

} // namespace

std::string_view fault_name(Fault fault) {
    switch (fault) {
    case Fault::none:
        return "none";
    case Fault::mute:
        return "mute";
    case Fault::slow:
        return "slow";
    case Fault::remove_during_sign:
        return "remove_during_sign";
    case Fault::wrong_signature:
        return "wrong_signature";
    case Fault::wrong_decryption:
        return "wrong_decryption";
    case Fault::garbage_certificate:
        return "garbage_certificate";
    case Fault::missing_certificate:
        return "missing_certificate";
    case Fault::mismatched_key:
        return "mismatched_key";
    case Fault::locked:
        return "locked";
    case Fault::last_try:
        return "last_try";
    }
    return "none";
}

std::optional<Fault> parse_fault(std::string_view name) {
    for (const Fault fault : faults)
        if (fault_name(fault) == name)
            return fault;
    return std::nullopt;
}

} // namespace ukey::virtual_card
