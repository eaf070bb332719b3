// SPDX-License-Identifier: Apache-2.0
#include "tools/district/history.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "daemon/core/time_spans.hpp"
#include "tools/district/columns.hpp"

namespace ukey::ctl::district {
namespace {

/// A clock that is set by less stays in its month, or is out by no more than a day at its edge.
constexpr std::chrono::microseconds misplacing_step = std::chrono::days(1);
/// More no clock is off by; far from what a timestamp can have.
constexpr std::chrono::microseconds shift_max = std::chrono::days(100'000);
constexpr std::chrono::microseconds one_moment{1};

/// When the first of the line's records was written, or could have been.
Timestamp beginning(const Branch& extent) {
    const Timestamp first = extent.first_time.value_or(extent.before.value_or(extent.vouched));
    return extent.first_seq > 1 ? extent.before.value_or(first) : first;
}

class Replay {
  public:
    explicit Replay(History& history) : history_(history) {}
    /// When it is known until.
    Timestamp end() const { return end_; }
    /// Records at which it went on from a backup.
    const std::set<std::pair<std::uint64_t, std::int64_t>>& seams() const { return seams_; }

    /// The next line of the same workstation, from its beginning to its end.
    void read(const Line& line, const std::vector<SeenBinding>& seen);
    /// What has not ended.
    void finish();

  private:
    struct Bound {
        std::int64_t organisation = 0;
        Timestamp from{};
    };

    void begin(const Line& line, const std::vector<SeenBinding>& seen);
    void apply(const Event& event);
    void start(const Event& event);
    void configure(const Event& event);
    void gap(const Event& event);
    void seen_again(std::int64_t key, Timestamp to);
    void bind(std::int64_t key, std::int64_t organisation, Timestamp from);
    void release(std::int64_t key, Timestamp to);
    void remove(std::int64_t key, Timestamp to);
    void remove_all(Timestamp to);
    void doubt(std::string_view code, std::int64_t key, TimeSpan span);
    void settle_steps();
    void cover();

    History& history_;
    Timestamp end_ = Timestamp::min();
    std::set<std::pair<std::uint64_t, std::int64_t>> seams_;
    std::vector<std::pair<std::uint64_t, TimeSpan>> coverage_; ///< by the line's first record
    std::vector<MisplacedRecords> misplaced_;
    std::optional<std::uint64_t> first_start_; ///< the first record with which the service started
    /// Of the clock, since the service runs: the records and by how much.
    std::vector<std::pair<std::uint64_t, std::chrono::microseconds>> steps_;
    std::uint64_t started_seq_ = 1;      ///< of the record since which the service runs
    std::optional<Timestamp> last_sign_; ///< of the service, before it was away
    bool absence_told_ = false;          ///< by a record of its own
    std::optional<std::set<std::string>> modules_;
    std::set<std::string> removed_modules_;
    std::map<std::int64_t, Timestamp> not_seen_again_; ///< keys bound when a module went, since then
    std::map<std::int64_t, Timestamp> present_;
    std::map<std::int64_t, Bound> bound_;
};

void Replay::doubt(std::string_view code, std::int64_t key, TimeSpan span) {
    if (span.from < span.to) {
        history_.doubts.push_back({std::string(code), key, span});
    }
}

/// The clock is taken to be right after the last step: what was recorded before it is off by all steps that
/// came after. Steps that undo each other leave what was before both of them in its place.
void Replay::settle_steps() {
    std::chrono::microseconds shift{0};
    for (std::size_t place = steps_.size(); place-- > 0;) {
        const auto& [seq, step] = steps_[place];
        shift = std::clamp(shift + std::clamp(step, -shift_max, shift_max), -shift_max, shift_max);
        const std::uint64_t from = place == 0 ? started_seq_ : steps_[place - 1].first;
        if (std::chrono::abs(shift) >= misplacing_step && from < seq) {
            misplaced_.push_back({{from, seq - 1}, shift});
        }
    }
    steps_.clear();
}

void Replay::bind(std::int64_t key, std::int64_t organisation, Timestamp from) {
    const auto known = bound_.find(key);
    if (known != bound_.end() && known->second.organisation == organisation) {
        return; // confirmed, with a new key pair
    }
    release(key, from);
    bound_[key] = {organisation, from};
}

void Replay::release(std::int64_t key, Timestamp to) {
    const auto known = bound_.find(key);
    if (known == bound_.end()) {
        return;
    }
    if (known->second.from < to) {
        history_.bindings.push_back({key, known->second.organisation, {known->second.from, to}});
    }
    bound_.erase(known);
}

void Replay::remove(std::int64_t key, Timestamp to) {
    const auto known = present_.find(key);
    if (known == present_.end()) {
        return;
    }
    history_.presences.push_back({key, {known->second, std::max(known->second, to)}});
    present_.erase(known);
}

void Replay::remove_all(Timestamp to) {
    while (!present_.empty()) {
        remove(present_.begin()->first, to);
    }
}

/// What had been bound when a line's first record was written, by what comes later in it: a release, or a
/// session before any binding.
std::map<std::int64_t, std::int64_t> bound_before(const Line& line, const std::vector<SeenBinding>& seen) {
    std::map<std::int64_t, std::uint64_t> first_change;
    std::map<std::int64_t, std::int64_t> before;
    for (const Event& event : line.events) {
        const bool released = event.kind == EventKind::key_released && event.number != 0;
        if ((released || event.kind == EventKind::key_bound) &&
            first_change.emplace(event.key, event.seq).second && released) {
            before[event.key] = event.number;
        }
    }
    std::map<std::int64_t, std::uint64_t> first_seen;
    for (const SeenBinding& binding : seen) {
        const auto change = first_change.find(binding.key);
        const bool in_line =
            binding.first_seq >= line.extent.first_seq && binding.first_seq <= line.extent.last_seq;
        const bool first = change == first_change.end() || binding.first_seq < change->second;
        const auto known = first_seen.find(binding.key);
        if (in_line && first && (known == first_seen.end() || binding.first_seq < known->second)) {
            first_seen[binding.key] = binding.first_seq;
            before[binding.key] = binding.organisation;
        }
    }
    return before;
}

void Replay::begin(const Line& line, const std::vector<SeenBinding>& seen) {
    const Timestamp from = beginning(line.extent);
    remove_all(last_sign_.value_or(from));
    if (line.extent.first_seq > 1) {
        last_sign_ = from; // before it, nothing is known at all
        absence_told_ = false;
    }
    settle_steps();
    started_seq_ = line.extent.first_seq;
    for (const auto& [key, organisation] : bound_before(line, seen)) {
        bind(key, organisation, from);
    }
}

/// Older software has no record of its absence: since the last sign of life, or since the computer was
/// booted.
void Replay::start(const Event& event) {
    if (!absence_told_ && last_sign_) {
        const Timestamp booted = event.time - event.boottime;
        doubt("coverage.service_away", 0, {std::max(*last_sign_, booted), event.time});
    }
    remove_all(event.time);
    absence_told_ = false;
    last_sign_.reset();
    settle_steps();
    started_seq_ = event.seq;
    first_start_ = first_start_.value_or(event.seq);
}

void Replay::seen_again(std::int64_t key, Timestamp moment) {
    if (const auto since = not_seen_again_.find(key); since != not_seen_again_.end()) {
        doubt("coverage.modules_changed", key, {since->second, moment});
        not_seen_again_.erase(since);
    }
}

/// A key that is seen by the modules that are left, or by a new one in an old one's place, was not lost with
/// the module. One that is not seen any more may be in use by the module that nobody watches.
void Replay::configure(const Event& event) {
    const std::vector<std::string> list = read_modules(event.text);
    const std::set<std::string> now(list.begin(), list.end());
    const std::size_t removed_before = removed_modules_.size();
    for (const std::string& module : modules_.value_or(now)) {
        if (!now.contains(module)) {
            removed_modules_.insert(module);
        }
    }
    if (removed_modules_.size() > removed_before) {
        for (const auto& [key, bound] : bound_) {
            not_seen_again_.try_emplace(key, event.time);
        }
    }
    const bool any_back =
        std::erase_if(removed_modules_, [&](const std::string& m) { return now.contains(m); }) > 0;
    if (any_back && removed_modules_.empty()) {
        while (!not_seen_again_.empty()) {
            seen_again(not_seen_again_.begin()->first, event.time);
        }
    }
    modules_ = now;
}

void Replay::gap(const Event& event) {
    const TimeSpan moment{event.time, event.time + one_moment};
    if (event.text == "pin_state") {
        doubt("coverage.pin_state", event.key, moment);
    } else {
        doubt("coverage.filter_version", 0, moment);
    }
}

void Replay::apply(const Event& event) {
    switch (event.kind) {
    case EventKind::service_started:
        start(event);
        configure(event);
        break;
    case EventKind::service_configured:
        configure(event);
        break;
    case EventKind::service_stopped:
        last_sign_ = event.time;
        remove_all(event.time);
        break;
    case EventKind::service_unclean:
        last_sign_ = time_of(event.number);
        remove_all(*last_sign_);
        break;
    case EventKind::absence:
        absence_told_ = true;
        for (const TimeSpan& part : read_parts(event.text)) {
            doubt("coverage.service_away", 0, part);
        }
        break;
    case EventKind::gap:
        gap(event);
        break;
    case EventKind::restored: // what it means for coverage the absence after it says
        seams_.emplace(event.seq, event.mark);
        break;
    case EventKind::clock_stepped:
        if (event.seq > started_seq_) {
            steps_.emplace_back(event.seq, event.number);
        }
        break;
    case EventKind::key_inserted:
        seen_again(event.key, event.time);
        present_.try_emplace(event.key, event.time);
        break;
    case EventKind::key_removed:
        remove(event.key, event.time);
        break;
    case EventKind::key_bound:
        seen_again(event.key, event.time);
        bind(event.key, event.number, event.time);
        break;
    case EventKind::key_released:
        seen_again(event.key, event.time);
        release(event.key, event.time);
        break;
    }
}

void Replay::read(const Line& line, const std::vector<SeenBinding>& seen) {
    begin(line, seen);
    for (const Event& event : line.events) {
        apply(event);
    }
    remove_all(line.extent.last_time.value_or(line.extent.vouched));
    if (line.extent.first_time || line.extent.before) {
        coverage_.emplace_back(line.extent.first_seq, TimeSpan{beginning(line.extent), line.extent.vouched});
    }
    end_ = line.extent.vouched;
}

/// A ledger that begins under a clock that was wrong begins at that moment by the right one.
void Replay::cover() {
    for (auto& [first_seq, span] : coverage_) {
        for (const auto& [records, step] : misplaced_) {
            const bool from_the_first = records.first <= first_start_.value_or(1);
            if (first_seq == 1 && from_the_first) {
                span.from += step;
            }
        }
        history_.coverage.push_back(span);
    }
    std::ranges::move(misplaced_, std::back_inserter(history_.misplaced));
}

void Replay::finish() {
    settle_steps();
    cover();
    while (!bound_.empty()) {
        release(bound_.begin()->first, never);
    }
    while (!not_seen_again_.empty()) {
        seen_again(not_seen_again_.begin()->first, never);
    }
}

using Chain = std::vector<const Line*>;

/// How often it went on from a backup.
std::size_t seams_of(const Chain& chain) {
    std::size_t count = 0;
    for (const Line* line : chain) {
        count +=
            static_cast<std::size_t>(std::ranges::count(line->events, EventKind::restored, &Event::kind));
    }
    return count;
}

/// Lines that overlap are a fork, and each is read for itself. What comes after a gap goes on from the copy
/// that was put back last: of the others nothing comes any more.
std::vector<Chain> chains_of(const std::vector<Line>& lines) {
    std::vector<Chain> chains;
    for (const Line& line : lines) {
        Chain* before = nullptr;
        for (Chain& chain : chains) {
            const bool fits = chain.back()->extent.last_seq < line.extent.first_seq;
            if (fits && (before == nullptr || seams_of(chain) > seams_of(*before))) {
                before = &chain;
            }
        }
        if (before != nullptr) {
            before->push_back(&line);
        } else {
            chains.push_back({&line});
        }
    }
    return chains;
}

/// Until when the records of all copies of a ledger are known. One that ended is no copy any more when the
/// other one went on from its backup.
Timestamp known_until(const std::vector<Replay>& replays) {
    Timestamp until = never;
    for (const Replay& replay : replays) {
        const bool went_on = std::ranges::any_of(replays, [&](const Replay& other) {
            return other.seams().size() > replay.seams().size() &&
                   std::ranges::includes(other.seams(), replay.seams());
        });
        until = went_on ? until : std::min(until, replay.end());
    }
    return until;
}

auto place_of(const DoubtSpan& doubt) {
    return std::tuple(doubt.span.from, doubt.span.to, std::string_view(doubt.code), doubt.key);
}

} // namespace

History read_history(const std::vector<Line>& lines, const std::vector<SeenBinding>& seen) {
    History history;
    std::vector<Replay> replays;
    for (const Chain& chain : chains_of(lines)) {
        Replay& replay = replays.emplace_back(history);
        for (const Line* line : chain) {
            replay.read(*line, seen);
        }
        replay.finish();
    }
    history.coverage =
        intersection(joined_spans(std::move(history.coverage)), {{Timestamp::min(), known_until(replays)}});
    std::ranges::sort(history.doubts, {}, place_of);
    const auto repeated = std::ranges::unique(history.doubts); // the records before a fork are in both lines
    history.doubts.erase(repeated.begin(), repeated.end());
    return history;
}

} // namespace ukey::ctl::district
