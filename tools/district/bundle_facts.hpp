// SPDX-License-Identifier: Apache-2.0
// What a bundle's records say that the district keeps. Taken out of the file only, without the store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/core/ledger_payload.hpp"

namespace ukey::ctl::district {

/// How far a session has come by its records: the newest record that begins or ends it decides.
struct SessionProgress {
    std::uint64_t uses = 0;
    std::optional<Timestamp> ended;
    std::uint64_t state_seq = 0; ///< of that record

    /// The same whichever comes first.
    void merge(const SessionProgress& other);
};

struct SessionFact {
    std::uint64_t seq = 0;
    std::string login; ///< 16 raw bytes
    std::string key_id;
    std::string organisation;
    std::string program;
    /// Not `attested` without the signature: a workstation that keeps it back only says so.
    EvidenceGrade grade = EvidenceGrade::observed;
    Timestamp started{};
    SessionProgress progress;
};

/// The numbers are the store's: never change one.
enum class EventKind {
    service_started = 1,
    service_configured = 2,
    service_stopped = 3,
    service_unclean = 4,
    absence = 5,
    gap = 6,
    clock_stepped = 7,
    key_inserted = 8,
    key_removed = 9,
    key_bound = 10,
    key_released = 11,
    restored = 12,
};

struct EventFact {
    std::uint64_t seq = 0;
    std::int64_t mark = 0; ///< of the record's hash: tells two records of one number apart
    Timestamp time{};
    std::chrono::microseconds boottime{0};
    EventKind kind{};
    std::string key_id;       ///< empty: of no key
    std::string organisation; ///< of key_bound, key_released
    std::int64_t number =
        0;            ///< microseconds: when it was alive last (service_unclean), the step (clock_stepped)
    std::string text; ///< modules (service_*), parts (absence: write_parts()), reason (gap)
};

/// That a workstation had to do with a key, and what the key was bound to then.
struct Sighting {
    Timestamp first{};
    std::uint64_t first_seq = 0;

    void merge(const Sighting& other);
};

struct BundleFacts {
    std::vector<SessionFact> sessions;
    /// By login, of sessions that began before the bundle.
    std::map<std::string, SessionProgress> progress;
    std::vector<EventFact> events;
    /// By key and organisation; an empty organisation: none.
    std::map<std::pair<std::string, std::string>, Sighting> sightings;
    std::uint64_t unreadable = 0; ///< records of kinds that are known and that say nothing
    std::optional<Timestamp> first_time;
    std::optional<Timestamp> last_time;
};

/// `file` is a bundle that holds. Each thread reads a part.
BundleFacts read_facts(std::string_view file, unsigned threads);

/// Which parts of an absence count: "FROM TO" in microseconds, a line each.
std::string write_parts(const payload::CoverageAbsence& absence);
std::vector<TimeSpan> read_parts(std::string_view text);
/// The modules of a record, one a line.
std::string write_modules(const std::vector<std::string>& modules);
std::vector<std::string> read_modules(std::string_view text);

/// The first eight bytes of a record's hash.
std::int64_t mark_of(std::string_view hash);

} // namespace ukey::ctl::district
