// SPDX-License-Identifier: Apache-2.0
#include "tools/district/bundle_facts.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <unordered_map>

#include "daemon/core/base64.hpp"
#include "daemon/core/big_endian.hpp"
#include "daemon/core/bundle.hpp"
#include "tools/district/columns.hpp"
#include "tools/parallel.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::size_t login_bytes = 16;

/// Reads a run of records. Several of them, one after the other, are put together by append().
class FactReader {
  public:
    /// `opened`: the numbers of the records with what they refer to, sorted; must outlive it.
    explicit FactReader(const std::vector<std::uint64_t>& opened) : opened_(&opened) {}

    void read(const BundleRecord& bundle_record);
    /// What came after this one's records.
    void append(FactReader&& later);
    BundleFacts take();

  private:
    /// Of kinds that the district needs nothing of.
    template <typename NotKept>
    void add(const LedgerRecord&, const NotKept&) {}
    void add(const LedgerRecord& record, const payload::ServiceConfigured& configured);
    void add(const LedgerRecord& record, const payload::ServiceStopped&);
    void add(const LedgerRecord& record, const payload::ServiceUnclean& unclean);
    void add(const LedgerRecord& record, const payload::CoverageAbsence& absence);
    void add(const LedgerRecord& record, const payload::CoverageGap& gap);
    void add(const LedgerRecord& record, const payload::ClockStepped& step);
    void add(const LedgerRecord& record, const payload::StateRestored&);
    void add(const LedgerRecord& record, const payload::KeyInserted& inserted);
    void add(const LedgerRecord& record, const payload::KeyRemoved& removed);
    void add(const LedgerRecord& record, const payload::KeyBound& bound);
    void add(const LedgerRecord& record, const payload::KeyReleased& released);
    void add(const LedgerRecord& record, const payload::SessionStarted& started);
    void add(const LedgerRecord& record, const payload::SessionUsed& used);
    void add(const LedgerRecord& record, const payload::SessionResumed& resumed);
    void add(const LedgerRecord& record, const payload::SessionEnded& ended);

    EventFact& add_event(const LedgerRecord& record, EventKind kind);
    void add_progress(const std::string& login, const SessionProgress& progress);
    void add_sighting(const LedgerRecord& record, const std::string& key_id, const std::string& organisation);

    EvidenceGrade grade_of(const LedgerRecord& record, const payload::SessionStarted& started) const;

    const std::vector<std::uint64_t>* opened_;
    BundleFacts facts_;
    std::unordered_map<std::string, SessionProgress> progress_;
};

void FactReader::read(const BundleRecord& bundle_record) {
    auto record = parse_ledger_leaf(bundle_record.leaf);
    if (!record) {
        ++facts_.unreadable; // not in a bundle that holds
        return;
    }
    record->hash = bundle_record.hash;
    facts_.first_time = facts_.first_time.value_or(record->time);
    facts_.last_time = record->time;
    const auto payload = payload::decode(record->kind, record->payload);
    if (!payload) {
        ++facts_.unreadable;
        return;
    }
    std::visit([&](const auto& what) { add(*record, what); }, *payload);
}

EventFact& FactReader::add_event(const LedgerRecord& record, EventKind kind) {
    return facts_.events.emplace_back(EventFact{.seq = record.seq,
                                                .mark = mark_of(record.hash),
                                                .time = record.time,
                                                .boottime = record.boottime,
                                                .kind = kind,
                                                .key_id = {},
                                                .organisation = {},
                                                .number = 0,
                                                .text = {}});
}

void FactReader::add_progress(const std::string& login, const SessionProgress& progress) {
    auto bytes = hex_decode(login);
    if (!bytes || bytes->size() != login_bytes) {
        ++facts_.unreadable;
        return;
    }
    progress_[std::move(*bytes)].merge(progress);
}

void FactReader::add_sighting(const LedgerRecord& record, const std::string& key_id,
                              const std::string& organisation) {
    const Sighting sighting{.first = record.time, .first_seq = record.seq};
    const auto [known, added] = facts_.sightings.try_emplace({key_id, organisation}, sighting);
    if (!added) {
        known->second.merge(sighting);
    }
}

void FactReader::add(const LedgerRecord& record, const payload::ServiceConfigured& configured) {
    add_event(record, configured.started ? EventKind::service_started : EventKind::service_configured).text =
        write_modules(configured.modules);
}

void FactReader::add(const LedgerRecord& record, const payload::ServiceStopped&) {
    add_event(record, EventKind::service_stopped);
}

void FactReader::add(const LedgerRecord& record, const payload::ServiceUnclean& unclean) {
    add_event(record, EventKind::service_unclean).number =
        microseconds_of(std::min(unclean.last_alive.value_or(record.time), record.time));
}

void FactReader::add(const LedgerRecord& record, const payload::CoverageAbsence& absence) {
    add_event(record, EventKind::absence).text = write_parts(absence);
}

void FactReader::add(const LedgerRecord& record, const payload::CoverageGap& gap) {
    EventFact& event = add_event(record, EventKind::gap);
    event.key_id = gap.key_id;
    event.text = gap.reason;
}

void FactReader::add(const LedgerRecord& record, const payload::ClockStepped& step) {
    add_event(record, EventKind::clock_stepped).number = step.stepped.count();
}

void FactReader::add(const LedgerRecord& record, const payload::StateRestored&) {
    add_event(record, EventKind::restored);
}

void FactReader::add(const LedgerRecord& record, const payload::KeyInserted& inserted) {
    add_event(record, EventKind::key_inserted).key_id = inserted.key_id;
    add_sighting(record, inserted.key_id, {});
}

void FactReader::add(const LedgerRecord& record, const payload::KeyRemoved& removed) {
    add_event(record, EventKind::key_removed).key_id = removed.key_id;
}

void FactReader::add(const LedgerRecord& record, const payload::KeyBound& bound) {
    EventFact& event = add_event(record, EventKind::key_bound);
    event.key_id = bound.key_id;
    event.organisation = bound.organisation;
    add_sighting(record, bound.key_id, bound.organisation);
}

void FactReader::add(const LedgerRecord& record, const payload::KeyReleased& released) {
    EventFact& event = add_event(record, EventKind::key_released);
    event.key_id = released.key_id;
    event.organisation = released.organisation;
    add_sighting(record, released.key_id, released.organisation);
}

/// That a signature which is there is right was checked with the bundle.
EvidenceGrade FactReader::grade_of(const LedgerRecord& record, const payload::SessionStarted& started) const {
    const bool proved = !started.personal_removed || std::ranges::binary_search(*opened_, record.seq);
    return started.grade == EvidenceGrade::attested && !proved ? EvidenceGrade::observed : started.grade;
}

void FactReader::add(const LedgerRecord& record, const payload::SessionStarted& started) {
    auto login = hex_decode(started.login);
    if (!login || login->size() != login_bytes) {
        ++facts_.unreadable;
        return;
    }
    facts_.sessions.push_back({.seq = record.seq,
                               .login = std::move(*login),
                               .key_id = started.key_id,
                               .organisation = started.organisation,
                               .program = started.program,
                               .grade = grade_of(record, started),
                               .started = started.started,
                               .progress = {.uses = started.uses, .ended = {}, .state_seq = record.seq}});
    if (!started.key_id.empty()) {
        add_sighting(record, started.key_id, started.organisation);
    }
}

void FactReader::add(const LedgerRecord&, const payload::SessionUsed& used) {
    add_progress(used.login, {.uses = used.uses, .ended = {}, .state_seq = 0});
}

void FactReader::add(const LedgerRecord& record, const payload::SessionResumed& resumed) {
    add_progress(resumed.login, {.uses = resumed.uses, .ended = {}, .state_seq = record.seq});
}

void FactReader::add(const LedgerRecord& record, const payload::SessionEnded& ended) {
    add_progress(ended.login,
                 {.uses = ended.uses, .ended = ended.ended.value_or(record.time), .state_seq = record.seq});
}

void FactReader::append(FactReader&& later) {
    BundleFacts& more = later.facts_;
    std::ranges::move(more.sessions, std::back_inserter(facts_.sessions));
    std::ranges::move(more.events, std::back_inserter(facts_.events));
    for (const auto& [login, progress] : later.progress_) {
        progress_[login].merge(progress);
    }
    for (const auto& [key, sighting] : more.sightings) {
        const auto [known, added] = facts_.sightings.try_emplace(key, sighting);
        if (!added) {
            known->second.merge(sighting);
        }
    }
    facts_.unreadable += more.unreadable;
    facts_.first_time = facts_.first_time ? facts_.first_time : more.first_time;
    facts_.last_time = more.last_time ? more.last_time : facts_.last_time;
}

/// What is known of sessions that begin in the bundle goes to them.
BundleFacts FactReader::take() {
    for (SessionFact& session : facts_.sessions) {
        if (const auto known = progress_.find(session.login); known != progress_.end()) {
            session.progress.merge(known->second);
        }
    }
    for (const SessionFact& session : facts_.sessions) {
        progress_.erase(session.login);
    }
    facts_.progress.insert(progress_.begin(), progress_.end());
    return std::move(facts_);
}

struct Contents {
    std::vector<BundleRecord> records;
    std::vector<std::uint64_t> opened; ///< numbers of records, in order
};

Contents read_contents(std::string_view file) {
    Contents contents;
    BundleReader reader(file);
    for (auto section = reader.next(); section && *section; section = reader.next()) {
        std::string_view body = (*section)->body;
        if ((*section)->kind == BundleSectionKind::records) {
            for (auto record = take_bundle_record(body); record && *record;
                 record = take_bundle_record(body)) {
                contents.records.push_back(**record);
            }
        } else if ((*section)->kind == BundleSectionKind::openings) {
            for (auto opening = take_bundle_opening(body); opening && *opening;
                 opening = take_bundle_opening(body)) {
                contents.opened.push_back((*opening)->seq);
            }
        }
    }
    return contents;
}

template <typename Line>
void for_each_line(std::string_view text, const Line& line) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

} // namespace

void SessionProgress::merge(const SessionProgress& other) {
    uses = std::max(uses, other.uses);
    if (other.state_seq > state_seq || (other.state_seq == state_seq && other.ended > ended)) {
        state_seq = other.state_seq;
        ended = other.ended;
    }
}

void Sighting::merge(const Sighting& other) {
    first = std::min(first, other.first);
    first_seq = std::min(first_seq, other.first_seq);
}

std::int64_t mark_of(std::string_view hash) {
    return static_cast<std::int64_t>(read_big_endian(hash.substr(0, 8)));
}

BundleFacts read_facts(std::string_view file, unsigned threads) {
    const auto [records, opened] = read_contents(file);
    std::map<std::size_t, FactReader> parts; // by their beginning
    std::mutex parts_mutex;
    share_out(records.size(), threads,
              [&, &records = records, &opened = opened](std::size_t begin, std::size_t end) {
                  FactReader part(opened);
                  for (std::size_t index = begin; index < end; ++index) {
                      part.read(records[index]);
                  }
                  const std::scoped_lock lock(parts_mutex);
                  parts.emplace(begin, std::move(part));
              });
    FactReader whole(opened);
    for (auto& [begin, part] : parts) {
        whole.append(std::move(part));
    }
    return whole.take();
}

std::string write_parts(const payload::CoverageAbsence& absence) {
    const std::vector<TimeSpan> all{{absence.from, absence.to}};
    std::string text;
    for (const auto& [from, to] : absence.occupied ? *absence.occupied : all) {
        text += std::to_string(microseconds_of(from)) + " " + std::to_string(microseconds_of(to)) + "\n";
    }
    return text;
}

std::vector<TimeSpan> read_parts(std::string_view text) {
    std::vector<TimeSpan> parts;
    for_each_line(text, [&](std::string_view line) {
        std::int64_t from_us = 0;
        std::int64_t to_us = 0;
        const auto first = std::from_chars(line.data(), line.data() + line.size(), from_us);
        std::from_chars(std::min(first.ptr + 1, line.data() + line.size()), line.data() + line.size(), to_us);
        parts.push_back({time_of(from_us), time_of(to_us)});
    });
    return parts;
}

std::string write_modules(const std::vector<std::string>& modules) {
    std::string text;
    for (const std::string& module : modules) {
        text += module + "\n";
    }
    return text;
}

std::vector<std::string> read_modules(std::string_view text) {
    std::vector<std::string> modules;
    for_each_line(text, [&](std::string_view line) { modules.emplace_back(line); });
    return modules;
}

} // namespace ukey::ctl::district
