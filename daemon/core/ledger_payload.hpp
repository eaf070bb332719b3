// SPDX-License-Identifier: Apache-2.0
// What the ledger's records say (docs/formats/ledger.md §4), as types. Whoever reads records reads them by
// this; a member that a record does not have is empty, so that older and newer records are read alike.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/core/result.hpp"
#include "daemon/core/session.hpp"

namespace ukey::payload {

/// `daemon.started` and `daemon.configured`.
struct ServiceConfigured {
    bool started = false; ///< false: another configuration came into force
    std::string version;
    std::string mode;
    std::vector<std::string> modules; ///< paths
    std::string policy_sha256;
    std::string rule;
};

/// `daemon.stopped`.
struct ServiceStopped {};

/// `daemon.unclean`.
struct ServiceUnclean {
    std::optional<Timestamp> last_alive;
};

/// `coverage.absence`: the service was away.
struct CoverageAbsence {
    Timestamp from{};
    Timestamp to{};
    bool unclean = false;
    /// When the computer was on and someone was logged in to it; nullopt: not known, so all of it may have
    /// been.
    std::optional<std::vector<TimeSpan>> occupied;
};

/// `coverage.gap`.
struct CoverageGap {
    std::string reason; ///< filter_version, pin_state
    std::string key_id; ///< of pin_state
};

/// `computer.resumed`.
struct ComputerResumed {
    std::chrono::microseconds slept{0};
};

/// `clock.stepped`.
struct ClockStepped {
    std::chrono::microseconds stepped{0}; ///< negative: back
};

/// `key.seen`.
struct KeySeen {
    std::string key_id;
    std::string manufacturer;
    std::string model;
    std::string serial;
};

/// `key.inserted`.
struct KeyInserted {
    std::string key_id;
    std::string module;
    std::string certificate_sha256;
    std::string spki_sha256;
    std::string certificate_name;
};

/// `key.removed`.
struct KeyRemoved {
    std::string key_id;
};

/// `key.bound`.
struct KeyBound {
    std::string key_id;
    std::string organisation;
    std::string organisation_name;
    std::string spki_sha256;
    std::string certificate_sha256;
    std::optional<std::uint32_t> uid;
};

/// `key.released`.
struct KeyReleased {
    std::string key_id;
    std::string organisation;
    std::optional<std::uint32_t> uid;
};

/// `key.returned`.
struct KeyReturned {
    std::string key_id;
    std::string replaced_by; ///< the key that takes its place; empty: none yet
    std::optional<std::uint32_t> uid;
};

/// `pin.state`.
struct PinState {
    std::string key_id;
    bool is_default = false;
};

/// `personal.removed`.
struct PersonalRemoved {
    Timestamp before{};
    std::uint64_t records = 0; ///< that referred to something until then
};

/// `state.restored`: the ledger goes on from a backup.
struct StateRestored {
    Timestamp made{};           ///< when the backup was
    std::string made_on;        ///< the computer's name then
    std::string restored_on;    ///< and now
    std::uint64_t last_seq = 0; ///< the backup's last record
    std::string head;           ///< its hash, 64 hexadecimal digits
};

/// `session.started`.
struct SessionStarted {
    std::string login;
    std::string key_id;
    std::string organisation;
    std::optional<std::uint32_t> uid;
    std::int64_t pid = 0;
    std::string executable;  ///< the process's own claim; empty: it is known no longer
    std::string application; ///< the same
    std::string program;     ///< file name of the executable: what the criterion's rule goes by
    bool personal_removed =
        false; ///< what the record refers to is not known here: uid to attestation are empty
    std::string verdict;
    std::vector<std::string> codes;
    EvidenceGrade grade = EvidenceGrade::observed;
    Timestamp started{};
    std::uint64_t uses = 0;
    std::string attestation; ///< the member as it stands, JSON; empty: there is none
    std::optional<std::chrono::microseconds> attestation_duration;
};

/// `session.used`.
struct SessionUsed {
    std::string login;
    std::uint64_t uses = 0;
};

/// `session.resumed`.
struct SessionResumed {
    std::string login;
    std::string key_id;
    std::uint64_t uses = 0;
};

/// `session.ended`.
struct SessionEnded {
    std::string login;
    std::string key_id;
    EndReason reason = EndReason::unclean;
    std::optional<Timestamp> ended; ///< nullopt: an older service did not say; about the record's time
    std::uint64_t uses = 0;
};

/// A record of another kind.
struct Other {};

using Payload = std::variant<Other, ServiceConfigured, ServiceStopped, ServiceUnclean, CoverageAbsence,
                             CoverageGap, ComputerResumed, ClockStepped, KeySeen, KeyInserted, KeyRemoved,
                             KeyBound, KeyReleased, KeyReturned, PinState, PersonalRemoved, StateRestored,
                             SessionStarted, SessionUsed, SessionResumed, SessionEnded>;

/// Error `ledger.unreadable`: no JSON object, or a member without which the record says nothing is missing
/// (the login of a session, the key of a key, a time or an amount that is none). `kind` decides; payloads of
/// kinds that are not listed here are not looked at. `opening` is the value that the payload refers to
/// (daemon/core/personal.hpp), empty when it refers to nothing or that was removed; whether it is the one
/// that the reference names is not asked here.
Result<Payload> decode(std::string_view kind, std::string_view text, std::string_view opening = {});

/// The file name of an executable's path, as a rule names applications.
std::string_view file_name(std::string_view executable);

} // namespace ukey::payload
