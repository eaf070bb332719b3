// SPDX-License-Identifier: Apache-2.0
// What one workstation's records, read from the first to the last, say about spans of time: when nothing
// could be seen, which keys were bound and plugged in.
#pragma once

#include <string>
#include <vector>

#include "tools/district/branches.hpp"
#include "tools/district/bundle_facts.hpp"

namespace ukey::ctl::district {

/// An end that has not come.
constexpr Timestamp never = Timestamp(std::chrono::microseconds(INT64_MAX));

/// An event of the store; keys and organisations are the store's numbers, 0 for none.
struct Event {
    std::uint64_t seq = 0;
    std::int64_t mark = 0;
    Timestamp time{};
    std::chrono::microseconds boottime{0};
    EventKind kind{};
    std::int64_t key = 0;
    std::int64_t number = 0;
    std::string text;
};

/// The first record that shows a key as bound to an organisation.
struct SeenBinding {
    std::int64_t key = 0;
    std::int64_t organisation = 0;
    Timestamp first{};
    std::uint64_t first_seq = 0;
};

/// Records that follow each other, and their events.
struct Line {
    Branch extent;
    std::vector<Event> events;
};

struct DoubtSpan {
    std::string code;
    std::int64_t key = 0; ///< 0: of every key
    TimeSpan span;
    bool operator==(const DoubtSpan&) const = default;
};
struct BindingSpan {
    std::int64_t key = 0;
    std::int64_t organisation = 0;
    TimeSpan span;
};
struct PresenceSpan {
    std::int64_t key = 0;
    TimeSpan span;
};
/// Records whose time is wrong by `step`: the clock was set only after them.
struct MisplacedRecords {
    SeqRange records;
    std::chrono::microseconds step{0};
};

struct History {
    std::vector<TimeSpan> coverage;
    std::vector<DoubtSpan> doubts;
    std::vector<BindingSpan> bindings;
    std::vector<PresenceSpan> presences;
    std::vector<MisplacedRecords> misplaced;
};

/// `lines` by their first record. One that begins after another's end goes on from there: what was bound
/// stays bound over the gap.
History read_history(const std::vector<Line>& lines, const std::vector<SeenBinding>& seen);

} // namespace ukey::ctl::district
