// SPDX-License-Identifier: Apache-2.0
// What a PKCS#11 module says about its slots and tokens, as plain data, and its JSON shape
// (docs/formats/channels.md §2). ukey-probe writes it, the daemon reads it: both directions are here, so that
// they cannot drift apart.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "daemon/core/result.hpp"

namespace ukey {

/// A thing that a token may not tell.
enum class Tristate { no, yes, unknown };
std::string_view to_string(Tristate value);

/// A PKCS#11 call that did not return CKR_OK.
struct CallError {
    /// "C_GetTokenInfo" …
    std::string function;
    /// "CKR_DEVICE_ERROR" …; "limit" when the module offered more than this software reads.
    std::string rv;

    bool operator==(const CallError&) const = default;
};

enum class PrivateKeyPresence { present, absent, unknown };
std::string_view to_string(PrivateKeyPresence presence);

/// One X.509 certificate object.
struct CertificateReport {
    /// CKA_ID in lower-case hex; may be empty.
    std::string id;
    std::string label;
    /// The bytes of CKA_VALUE: whatever the module gave, not yet parsed.
    std::string der;
    /// Most tokens hide private keys until a login: then unknown.
    PrivateKeyPresence private_key = PrivateKeyPresence::unknown;

    bool operator==(const CertificateReport&) const = default;
};

struct PublicKeyReport {
    std::string id; ///< as in CertificateReport
    /// "rsa", "ec", "dsa", "ed", or the number of the CKK_ constant as "0x…".
    std::string type;
    /// DER SubjectPublicKeyInfo, where the module gives CKA_PUBLIC_KEY_INFO.
    std::optional<std::string> spki;

    bool operator==(const PublicKeyReport&) const = default;
};

/// A token that answered C_GetTokenInfo: nothing else proves that a key is there.
struct TokenReport {
    /// Grows with every insertion that this module's worker saw, over restarts of the worker too.
    std::uint64_t generation = 0;
    std::string label;
    std::string manufacturer;
    std::string model;
    std::string serial;
    /// Names as in docs/formats/channels.md §2, e.g. "user_pin_locked"; only those that are set.
    std::set<std::string, std::less<>> flags;
    std::vector<CertificateReport> certificates;
    std::vector<PublicKeyReport> public_keys;
    std::uint64_t read_ms = 0;
    /// Set when the objects could not all be read; what was read stands.
    std::optional<CallError> read_error;

    bool has_flag(std::string_view name) const { return flags.contains(name); }
    /// The PIN flags are hints: some modules never set any. A flag that is set is `yes`; one that is not is
    /// `no` only when another PIN flag shows that the module sets them, else `unknown`. Locked without an
    /// initialised user PIN is `unknown`: it then means that the counter could not be read.
    Tristate pin_locked() const;
    Tristate pin_final_try() const;
    Tristate pin_count_low() const;
    Tristate pin_to_be_changed() const;

    bool operator==(const TokenReport&) const = default;
};

struct SlotReport {
    /// The module's own slot id.
    std::uint64_t slot = 0;
    std::string description;
    std::string manufacturer;
    /// C_GetSlotInfo's word, corrected by C_GetTokenInfo where that was called.
    bool present = false;
    /// Why there is no token although one is present.
    std::optional<CallError> error;
    /// Null also while the slot is held and its token was never read.
    std::optional<TokenReport> token;

    bool operator==(const SlotReport&) const = default;
};

/// What a worker's `hello` says about its module.
struct ModuleReport {
    std::string path;
    std::string description;
    std::string manufacturer;
    std::string library_version;
    std::string cryptoki_version;
    /// C_WaitForSlotEvent works: insertions are told without being asked for.
    bool events = false;

    bool operator==(const ModuleReport&) const = default;
};

/// Slots a module may have. OpenSC makes up to 4 a reader; a workstation with 16 readers is none.
constexpr std::size_t slots_max = 64;
/// Certificates (and public keys) of one token that are read. Keys in the field have two, PIV cards up to 24.
constexpr std::size_t certificates_max = 32;
/// One certificate. With many names and extensions they reach some 8 KiB.
constexpr std::size_t certificate_max_bytes = std::size_t{64} * 1024;
/// CKA_ID and CKA_LABEL. The standard sets none; a SHA-1 or a name is usual.
constexpr std::size_t id_max_bytes = 256;
constexpr std::size_t label_max_bytes = 256;
/// Certificates and keys of all slots together, as encoded in JSON: with the slots' own texts below a frame
/// of 1 MiB.
constexpr std::size_t contents_max_bytes = std::size_t{900} * 1024;

boost::json::object to_json(const SlotReport& slot);
boost::json::array to_json(const std::vector<SlotReport>& slots);
/// The `hello` frame.
boost::json::object hello_to_json(const ModuleReport& module);

/// Error `frame.malformed` that names the member. The bounds above are checked too: the worker process is not
/// trusted.
Result<std::vector<SlotReport>> decode_slots(const boost::json::value& slots);
/// From a `hello` frame.
Result<ModuleReport> decode_hello(const boost::json::object& hello);

} // namespace ukey
