// SPDX-License-Identifier: Apache-2.0
// Personal data beside the ledger (docs/formats/ledger.md §7): a record has a salted reference to it, so that
// it can be removed and the chain still holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "daemon/core/sha256.hpp"

namespace ukey {

constexpr std::size_t opening_salt_bytes = 16;

/// What a record's reference stands for.
struct Opening {
    std::string salt;  ///< opening_salt_bytes raw bytes, random, of this record alone
    std::string value; ///< the members that the payload does not have itself: one JSON object as text

    bool operator==(const Opening&) const = default;
};

/// "r1:" and 64 lower-case hexadecimal digits: SHA-256("ukey-reference-v1\n" ‖ salt ‖ value).
std::string reference_to(const Opening& opening);

/// The same without making a text: is this the opening of that reference?
bool opens(std::string_view reference, std::string_view salt, std::string_view value, Sha256& hasher);

/// Moves what is personal out of a payload: `uid`, `claim`, `executable`, `certificate_name`, and an
/// `attestation` that is signed. In its place come `program`, the file name of an executable, and as the last
/// member the reference `personal`. nullopt: there is nothing personal in it, and it stays as it is.
std::optional<Opening> take_personal(boost::json::object& payload);

/// The reference that a payload ends with; empty: it has none. The payload is not read otherwise.
std::string_view reference_in(std::string_view payload);

/// The payload with the opening's members beside its own; what it has itself stays. A value that is no JSON
/// object adds nothing.
boost::json::object reveal(boost::json::object payload, std::string_view opening_value);

} // namespace ukey
