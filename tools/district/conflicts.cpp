// SPDX-License-Identifier: Apache-2.0
#include "tools/district/conflicts.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "tools/district/branches.hpp"
#include "tools/district/bundle_facts.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/history.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

/// How far two computers' clocks may be apart.
constexpr std::chrono::microseconds clock_difference = std::chrono::minutes(2);

/// A row of the table.
struct Row {
    std::string code;
    std::int64_t workstation = 0; ///< of a conflict of one ledger; 0: of a key
    std::int64_t key = 0;
    std::set<std::string> organisations;
    std::set<std::string> workstations;
    TimeSpan span;
    std::string detail;
};

std::string joined(const std::set<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) {
        all += (all.empty() ? "" : "\n") + text;
    }
    return all;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

class ConflictSearch {
  public:
    explicit ConflictSearch(Database& database) : database_(database) {}

    Result<void> run(const std::set<std::int64_t>& workstations);

  private:
    struct Use {
        std::int64_t organisation = 0; ///< 0: a presence
        std::int64_t workstation = 0;
        TimeSpan span;
    };

    Result<void> load_names();
    Result<void> load_ledgers();
    std::int64_t ledger_of(std::int64_t workstation) const;
    Result<void> forget(const std::set<std::int64_t>& workstations);
    Result<void> of_ledger(std::int64_t workstation);
    struct Fork {
        TimeSpan span;
        std::optional<Timestamp> seam; ///< when one of the two went on from a restored backup there
    };
    using Forks = std::map<std::uint64_t, Fork>; ///< by the first record that differs
    Result<Forks> find_forks(std::int64_t workstation, const std::vector<Branch>& branches);
    Result<void> write_forks(std::int64_t workstation, const Forks& forks);
    Result<std::optional<Timestamp>> seam(std::int64_t workstation, const Branch& branch, std::uint64_t seq);
    Result<Timestamp> time_before(std::int64_t workstation, std::uint64_t seq, const Branch& branch);
    Result<void> gaps(std::int64_t workstation, const std::vector<Branch>& branches);
    Result<void> cut_tails(std::int64_t workstation, const Forks& forks);
    /// A bundle; many of them by the time when they were written.
    struct Written {
        std::uint64_t last_seq;
        Timestamp time;
    };
    Result<void> cut_tail(std::int64_t workstation, const std::vector<Written>& bundles);
    Result<void> of_key(std::int64_t key);
    Result<std::vector<Use>> read_uses(const std::string& sql, std::int64_t key);
    Result<void> two_organisations(std::int64_t key);
    Result<void> two_computers(std::int64_t key);
    Result<void> write(const Row& row);
    Row ledger_row(std::string code, std::int64_t workstation, TimeSpan span, std::string detail) const;

    Database& database_;
    std::unordered_map<std::int64_t, std::string> fingerprints_;
    std::unordered_map<std::int64_t, std::string> codes_;
    std::unordered_map<std::int64_t, std::int64_t> ledgers_; ///< see ledger_of()
};

Result<void> ConflictSearch::load_names() {
    auto workstations = database_.prepare("SELECT id, fingerprint FROM workstation");
    UKEY_TRY(
        workstations.each([&] { fingerprints_.emplace(workstations.integer(0), workstations.text(1)); }));
    auto organisations = database_.prepare("SELECT id, code FROM organisation");
    return organisations.each([&] { codes_.emplace(organisations.integer(0), organisations.text(1)); });
}

/// Two keys of one computer, each enrolled for itself, may both have records of its one ledger: those before
/// the first key was revoked.
Result<void> ConflictSearch::load_ledgers() {
    auto statement = database_.prepare("SELECT id, identity.workstation FROM identity JOIN workstation "
                                       "USING (fingerprint) WHERE identity.workstation <> id");
    return statement.each([&] {
        const std::int64_t one = ledger_of(statement.integer(0));
        const std::int64_t other = ledger_of(statement.integer(1));
        if (one != other) {
            ledgers_[std::max(one, other)] = std::min(one, other);
        }
    });
}

/// The same number for workstations that are one.
std::int64_t ConflictSearch::ledger_of(std::int64_t workstation) const {
    for (auto known = ledgers_.find(workstation); known != ledgers_.end();
         known = ledgers_.find(workstation)) {
        workstation = known->second;
    }
    return workstation;
}

Result<void> ConflictSearch::forget(const std::set<std::int64_t>& workstations) {
    for (const std::int64_t workstation : workstations) {
        auto of_ledger = database_.prepare("DELETE FROM conflict WHERE workstation = ?");
        UKEY_TRY(of_ledger.bind(workstation).run());
        auto of_keys =
            database_.prepare("DELETE FROM conflict WHERE key > 0 AND key IN (SELECT key FROM seen WHERE "
                              "workstation = ?)");
        UKEY_TRY(of_keys.bind(workstation).run());
    }
    return {};
}

Result<void> ConflictSearch::write(const Row& row) {
    auto statement =
        database_.prepare("INSERT INTO conflict (code, workstation, key, organisations, workstations, "
                          "from_us, to_us, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    statement.bind(row.code).bind(row.workstation).bind(row.key);
    statement.bind(joined(row.organisations)).bind(joined(row.workstations));
    statement.bind(microseconds_of(row.span.from)).bind(microseconds_of(row.span.to));
    return statement.bind(row.detail).run();
}

Row ConflictSearch::ledger_row(std::string code, std::int64_t workstation, TimeSpan span,
                               std::string detail) const {
    return {.code = std::move(code),
            .workstation = workstation,
            .key = 0,
            .organisations = {},
            .workstations = {fingerprints_.at(workstation)},
            .span = {span.from, std::max(span.to, span.from + std::chrono::microseconds(1))},
            .detail = std::move(detail)};
}

/// About when that record was written: at the last event before it. The times of all records are not kept.
Result<Timestamp> ConflictSearch::time_before(std::int64_t workstation, std::uint64_t seq,
                                              const Branch& branch) {
    auto statement = database_.prepare("SELECT time_us FROM event WHERE workstation = ? AND seq < ? "
                                       "ORDER BY seq DESC, time_us LIMIT 1");
    UKEY_TAKE(row, statement.bind(workstation).bind(static_cast<std::int64_t>(seq)).step());
    return row ? time_of(statement.integer(0)) : branch.first_time.value_or(branch.vouched);
}

/// When the branch went on from a restored backup at that record; nullopt: it did not.
Result<std::optional<Timestamp>> ConflictSearch::seam(std::int64_t workstation, const Branch& branch,
                                                      std::uint64_t seq) {
    UKEY_TAKE(hash, hash_of(database_, branch, seq));
    if (!hash) {
        return std::nullopt;
    }
    auto statement = database_.prepare(
        "SELECT time_us FROM event WHERE workstation = ? AND seq = ? AND mark = ? AND kind = ?");
    statement.bind(workstation).bind(static_cast<std::int64_t>(seq)).bind(mark_of(*hash));
    UKEY_TAKE(row, statement.bind(static_cast<std::int64_t>(EventKind::restored)).step());
    return row ? std::optional(time_of(statement.integer(0))) : std::nullopt;
}

/// Where each pair of branches parts; pairs that part at one record are one fork. A backup explains it when
/// of each pair one goes on from it there; two that both do so go on beside each other.
Result<ConflictSearch::Forks> ConflictSearch::find_forks(std::int64_t workstation,
                                                         const std::vector<Branch>& branches) {
    Forks found;
    for (std::size_t other = 0; other < branches.size(); ++other) {
        for (std::size_t one = 0; one < other; ++one) {
            UKEY_TAKE(seq, first_difference(database_, branches[one], branches[other]));
            if (!seq) {
                continue;
            }
            UKEY_TAKE(from, time_before(workstation, *seq, branches[other]));
            UKEY_TAKE(seam_of_one, seam(workstation, branches[one], *seq));
            UKEY_TAKE(seam_of_other, seam(workstation, branches[other], *seq));
            Fork fork{.span = {from, std::max(branches[one].vouched, branches[other].vouched)},
                      .seam = seam_of_one ? seam_of_one : seam_of_other};
            if (seam_of_one && seam_of_other) {
                fork.seam.reset();
            }
            const auto [known, added] = found.try_emplace(*seq, fork);
            if (!added) {
                known->second.span = {std::min(known->second.span.from, fork.span.from),
                                      std::max(known->second.span.to, fork.span.to)};
                known->second.seam = known->second.seam ? fork.seam : std::nullopt;
            }
        }
    }
    return found;
}

Result<void> ConflictSearch::write_forks(std::int64_t workstation, const Forks& forks) {
    for (const auto& [seq, fork] : forks) {
        const std::string number = std::to_string(seq);
        UKEY_TRY(write(fork.seam ? ledger_row("bundle.restored", workstation, fork.span,
                                              "goes on from a restored backup with record " + number)
                                 : ledger_row("bundle.fork", workstation, fork.span,
                                              "different records from number " + number + " on")));
    }
    return {};
}

Result<void> ConflictSearch::gaps(std::int64_t workstation, const std::vector<Branch>& branches) {
    std::vector<Branch> order = branches;
    std::ranges::sort(order, {}, &Branch::first_seq);
    const Branch* furthest = order.empty() ? nullptr : &order.front();
    for (const Branch& branch : order) {
        if (branch.first_seq - 1 > furthest->last_seq) {
            UKEY_TRY(write(ledger_row("bundle.gap", workstation,
                                      {furthest->vouched, branch.before.value_or(branch.vouched)},
                                      "records " + std::to_string(furthest->last_seq + 1) + " to " +
                                          std::to_string(branch.first_seq - 1) + " are missing")));
        }
        furthest = branch.last_seq > furthest->last_seq ? &branch : furthest;
    }
    return {};
}

/// Each run of the ledger, from one restored backup to the next, for itself: that it ends before the one
/// before it is said already.
Result<void> ConflictSearch::cut_tails(std::int64_t workstation, const Forks& forks) {
    auto statement = database_.prepare("SELECT last_seq, written_us FROM bundle WHERE workstation = ? "
                                       "ORDER BY written_us, last_seq");
    statement.bind(workstation);
    std::map<Timestamp, std::vector<Written>> runs; // by the seam that they begin with
    UKEY_TRY(statement.each([&] {
        const Written bundle{static_cast<std::uint64_t>(statement.integer(0)), time_of(statement.integer(1))};
        Timestamp begin = Timestamp::min();
        for (const auto& [seq, fork] : forks) {
            if (fork.seam && bundle.last_seq >= seq && bundle.time >= *fork.seam) {
                begin = std::max(begin, *fork.seam);
            }
        }
        runs[begin].push_back(bundle);
    }));
    for (const auto& [begin, bundles] : runs) {
        UKEY_TRY(cut_tail(workstation, bundles));
    }
    return {};
}

/// A later bundle ends before an earlier one. It was no cut if a bundle that is later still has those
/// records.
Result<void> ConflictSearch::cut_tail(std::int64_t workstation, const std::vector<Written>& bundles) {
    const auto furthest = std::ranges::max_element(bundles, {}, &Written::last_seq);
    // Of those that reach furthest the last: what was written after it and ends earlier was cut.
    auto last = furthest;
    for (auto bundle = furthest; bundle != bundles.end(); ++bundle) {
        last = bundle->last_seq == furthest->last_seq ? bundle : last;
    }
    if (last == bundles.end() || last + 1 == bundles.end()) {
        return {};
    }
    const auto longest_cut =
        std::max_element(last + 1, bundles.end(),
                         [](const Written& one, const Written& two) { return one.last_seq < two.last_seq; });
    return write(ledger_row("bundle.cut_tail", workstation, {last->time, bundles.back().time},
                            "bundles written later end with record " + std::to_string(longest_cut->last_seq) +
                                ", an earlier one goes on to " + std::to_string(furthest->last_seq)));
}

Result<void> ConflictSearch::of_ledger(std::int64_t workstation) {
    UKEY_TAKE(branches, read_branches(database_, workstation));
    UKEY_TAKE(forks, find_forks(workstation, branches));
    UKEY_TRY(write_forks(workstation, forks));
    UKEY_TRY(gaps(workstation, branches));
    return cut_tails(workstation, forks);
}

Result<std::vector<ConflictSearch::Use>> ConflictSearch::read_uses(const std::string& sql, std::int64_t key) {
    auto statement = database_.prepare(sql);
    statement.bind(key);
    std::vector<Use> uses;
    UKEY_TRY(statement.each([&] {
        uses.push_back({.organisation = statement.integer(0),
                        .workstation = statement.integer(1),
                        .span = {time_of(statement.integer(2)), time_of(statement.integer(3))}});
    }));
    return uses;
}

/// Bound to two at one time. A key that was released first and bound anew is none of this, nor is one that
/// was bound on a computer that was revoked since.
Result<void> ConflictSearch::two_organisations(std::int64_t key) {
    UKEY_TAKE(uses,
              read_uses("SELECT organisation, workstation, from_us, min(to_us, coalesce(revoked_us, to_us)) "
                        "FROM binding JOIN workstation ON workstation.id = workstation WHERE key = ?",
                        key));
    std::map<std::set<std::string>, Row> rows; // by the two organisations
    for (const Use& one : uses) {
        for (const Use& other : uses) {
            const TimeSpan both{std::max(one.span.from, other.span.from),
                                std::min(one.span.to, other.span.to)};
            // The one ledger says later what became of the binding.
            const bool one_ledger = one.workstation != other.workstation &&
                                    ledger_of(one.workstation) == ledger_of(other.workstation);
            if (one.organisation >= other.organisation || both.from >= both.to || one_ledger) {
                continue;
            }
            const std::set<std::string> organisations{codes_.at(one.organisation),
                                                      codes_.at(other.organisation)};
            Row& row = rows.try_emplace(organisations, Row{.code = "conflict.key_with_two_organisations",
                                                           .workstation = 0,
                                                           .key = key,
                                                           .organisations = organisations,
                                                           .workstations = {},
                                                           .span = both,
                                                           .detail = {}})
                           .first->second;
            row.span = {std::min(row.span.from, both.from), std::max(row.span.to, both.to)};
            row.workstations.insert(fingerprints_.at(one.workstation));
            row.workstations.insert(fingerprints_.at(other.workstation));
        }
    }
    for (const auto& [organisations, row] : rows) {
        UKEY_TRY(write(row));
    }
    return {};
}

/// Plugged in, or logged in with, at two computers: by more than clocks that are apart explain. Of two
/// computers and a month it is one conflict, however often it was.
Result<void> ConflictSearch::two_computers(std::int64_t key) {
    UKEY_TAKE(
        uses,
        read_uses("SELECT 0, workstation, from_us, to_us FROM presence WHERE key = ? ORDER BY from_us, to_us",
                  key));
    struct Found {
        Row row;
        std::size_t times = 0;
    };
    std::map<std::pair<std::int64_t, std::set<std::string>>, Found> found; // by month and the two computers
    std::vector<const Use*> open;
    for (const Use& use : uses) {
        std::erase_if(
            open, [&](const Use* earlier) { return earlier->span.to <= use.span.from + clock_difference; });
        for (const Use* earlier : open) {
            // To lie one after the other, one of the clocks would have to be out by so much.
            const auto apart = std::min(earlier->span.to - use.span.from, use.span.to - earlier->span.from);
            if (ledger_of(earlier->workstation) == ledger_of(use.workstation) || apart <= clock_difference) {
                continue;
            }
            const std::set<std::string> computers{fingerprints_.at(earlier->workstation),
                                                  fingerprints_.at(use.workstation)};
            const TimeSpan both{use.span.from, std::max(std::min(earlier->span.to, use.span.to),
                                                        use.span.from + std::chrono::microseconds(1))};
            Found& of_month = found[{month_number(use.span.from), computers}];
            if (of_month.times++ == 0) {
                of_month.row = {.code = "conflict.key_on_two_computers",
                                .workstation = 0,
                                .key = key,
                                .organisations = {},
                                .workstations = computers,
                                .span = both,
                                .detail = {}};
            }
            of_month.row.span.to = std::max(of_month.row.span.to, both.to);
        }
        open.push_back(&use);
    }
    auto codes = database_.prepare("SELECT DISTINCT code FROM seen JOIN organisation ON id = organisation "
                                   "WHERE key = ?");
    codes.bind(key);
    std::set<std::string> organisations;
    UKEY_TRY(codes.each([&] { organisations.insert(codes.text(0)); }));
    for (auto& [month, of_month] : found) {
        of_month.row.organisations = organisations;
        of_month.row.detail = std::to_string(of_month.times) + " times";
        UKEY_TRY(write(of_month.row));
    }
    return {};
}

Result<void> ConflictSearch::of_key(std::int64_t key) {
    UKEY_TRY(two_organisations(key));
    return two_computers(key);
}

Result<void> ConflictSearch::run(const std::set<std::int64_t>& workstations) {
    UKEY_TRY(load_names());
    UKEY_TRY(load_ledgers());
    UKEY_TRY(forget(workstations));
    std::set<std::int64_t> keys;
    for (const std::int64_t workstation : workstations) {
        UKEY_TRY(of_ledger(workstation));
        // Most keys are at one computer and of one organisation: nothing of them needs to be looked at.
        auto statement = database_.prepare(
            "SELECT DISTINCT key FROM seen AS here WHERE workstation = ?1 AND (EXISTS (SELECT 1 FROM "
            "presence WHERE "
            "presence.key = here.key) OR EXISTS (SELECT 1 FROM binding AS one JOIN binding AS other ON "
            "other.key = one.key AND other.organisation <> one.organisation WHERE one.key = here.key))");
        statement.bind(workstation);
        UKEY_TRY(statement.each([&] { keys.insert(statement.integer(0)); }));
    }
    for (const std::int64_t key : keys) {
        UKEY_TRY(of_key(key));
    }
    return {};
}

} // namespace

Result<void> find_conflicts(Database& database, const std::set<std::int64_t>& workstations) {
    return ConflictSearch(database).run(workstations);
}

Result<std::vector<Conflict>> read_conflicts(Database& database, TimeSpan span) {
    auto statement = database.prepare(
        "SELECT code, coalesce(key_id, ''), organisations, workstations, from_us, detail FROM conflict "
        "LEFT JOIN key ON key.id = conflict.key WHERE from_us < ? AND to_us > ? "
        "ORDER BY from_us, code, key_id, organisations, workstations, detail");
    statement.bind(microseconds_of(span.to)).bind(microseconds_of(span.from));
    std::vector<Conflict> conflicts;
    UKEY_TRY(statement.each([&] {
        conflicts.push_back({.code = statement.text(0),
                             .key_id = statement.text(1),
                             .organisations = split(statement.text(2)),
                             .workstations = split(statement.text(3)),
                             .time = time_of(statement.integer(4)),
                             .detail = statement.text(5)});
    }));
    return conflicts;
}

} // namespace ukey::ctl::district
