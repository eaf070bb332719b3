// SPDX-License-Identifier: Apache-2.0
#include "tools/district/month_facts.hpp"

#include <algorithm>
#include <functional>
#include <future>
#include <iterator>
#include <set>
#include <unordered_map>

#include "daemon/core/registry_digest.hpp"
#include "daemon/core/time_spans.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/conflicts.hpp"
#include "tools/district/counted_sessions.hpp"
#include "tools/district/history.hpp"
#include "tools/district/registry_history.hpp"
#include "tools/district/store.hpp"
#include "tools/district/workstation_months.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

class MonthFactsReader {
  public:
    MonthFactsReader(Database& database, const ChinaMonth& month)
        : database_(database), month_(month), whole_{month.begin(), month.end()} {}

    /// `sessions` is called last: they may be read meanwhile.
    Result<MonthFacts> read(const std::function<Result<CountedSessions>()>& sessions);

  private:
    Result<void> read_organisations();
    Result<void> read_bindings();
    void take_bindings(std::int64_t organisation, std::vector<TimeSpan> spans, unsigned keys);
    void take_sessions(CountedSessions sessions);
    Result<void> read_workstations();
    Result<void> read_sightings();
    void take_sightings(std::int64_t key, const std::set<std::int64_t>& organisations,
                        const std::set<std::int64_t>& workstations);
    void add_doubts();
    Result<void> read_platform_logins();
    OrganisationFacts* facts_of(std::int64_t organisation);

    Database& database_;
    ChinaMonth month_;
    TimeSpan whole_;
    MonthFacts facts_;
    std::vector<std::size_t> places_; ///< in facts_.organisations, by the store's number
    std::vector<MisplacedSession> misplaced_;
    std::vector<WorkstationMonth> workstations_;
    std::vector<std::size_t> workstation_places_;           ///< in workstations_, by the store's number
    std::vector<std::vector<std::size_t>> workstations_of_; ///< by place of the organisation
};

OrganisationFacts* MonthFactsReader::facts_of(std::int64_t organisation) {
    const auto number = static_cast<std::size_t>(organisation);
    const std::size_t place = number < places_.size() ? places_[number] : nowhere;
    return place == nowhere ? nullptr : &facts_.organisations[place];
}

Result<void> MonthFactsReader::read_organisations() {
    UKEY_TAKE(registry, read_registry_at(database_, whole_.to));
    RegistryDigest digest;
    std::unordered_map<std::string_view, std::size_t> by_code;
    facts_.organisations.reserve(registry.size());
    for (Organisation& organisation : registry) {
        if (exists_at_end_of(month_, organisation)) {
            digest.add(organisation);
            OrganisationFacts& facts = facts_.organisations.emplace_back();
            facts.organisation = std::move(organisation);
            facts.without_key = {{whole_.from, whole_.to}};
        }
    }
    facts_.registry_sha256 = digest.sha256();
    by_code.reserve(facts_.organisations.size());
    for (std::size_t place = 0; place < facts_.organisations.size(); ++place) {
        by_code.emplace(facts_.organisations[place].organisation.code, place);
    }
    UKEY_TAKE(codes, read_texts(database_, "organisation", "code"));
    places_.assign(codes.size(), nowhere);
    for (std::size_t number = 1; number < codes.size(); ++number) {
        const auto place = by_code.find(codes[number]);
        places_[number] = place == by_code.end() ? nowhere : place->second;
    }
    return {};
}

void MonthFactsReader::take_bindings(std::int64_t organisation, std::vector<TimeSpan> spans, unsigned keys) {
    OrganisationFacts* facts = facts_of(organisation);
    if (facts == nullptr) {
        return;
    }
    facts->keys = keys;
    facts->without_key = gaps_between(joined_spans(std::move(spans)), whole_);
}

/// A key is an organisation's as long as any workstation has it bound to it that was not revoked.
Result<void> MonthFactsReader::read_bindings() {
    auto statement = database_.prepare("SELECT organisation, key, from_us, to_us, workstation FROM binding "
                                       "WHERE from_us < ? AND to_us > ? ORDER BY organisation, key");
    statement.bind(microseconds_of(whole_.to)).bind(microseconds_of(whole_.from));
    std::int64_t organisation = 0;
    std::int64_t counted_key = 0;
    unsigned keys = 0;
    std::vector<TimeSpan> spans;
    for (;;) {
        UKEY_TAKE(row, statement.step());
        if (!row || statement.integer(0) != organisation) {
            if (organisation != 0) {
                take_bindings(organisation, std::move(spans), keys);
            }
            if (!row) {
                return {};
            }
            organisation = statement.integer(0);
            counted_key = 0;
            keys = 0;
            spans.clear();
        }
        const std::size_t place = workstation_places_[static_cast<std::size_t>(statement.integer(4))];
        const Timestamp to = time_of(statement.integer(3));
        const TimeSpan span{time_of(statement.integer(2)),
                            std::min(to, workstations_[place].workstation.revoked.value_or(to))};
        spans.push_back(span);
        if (span.to >= whole_.to && statement.integer(1) != counted_key) {
            counted_key = statement.integer(1);
            ++keys;
        }
    }
}

void MonthFactsReader::take_sessions(CountedSessions sessions) {
    for (auto& [organisation, of_organisation] : sessions.organisations) {
        if (OrganisationFacts* facts = facts_of(organisation); facts != nullptr) {
            facts->sessions = std::move(of_organisation);
        }
    }
    misplaced_ = std::move(sessions.misplaced);
}

Result<void> MonthFactsReader::read_workstations() {
    UKEY_TAKE(months, read_workstation_months(database_, month_));
    workstations_ = std::move(months);
    for (std::size_t place = 0; place < workstations_.size(); ++place) {
        const WorkstationMonth& of_month = workstations_[place];
        const auto number = static_cast<std::size_t>(of_month.workstation.id);
        workstation_places_.resize(std::max(workstation_places_.size(), number + 1), nowhere);
        workstation_places_[number] = place;
        if (!of_month.extent.head.empty()) {
            facts_.ledgers.push_back(of_month.extent);
        }
    }
    return {};
}

void MonthFactsReader::take_sightings(std::int64_t key, const std::set<std::int64_t>& organisations,
                                      const std::set<std::int64_t>& workstations) {
    for (const std::int64_t organisation : organisations) {
        OrganisationFacts* facts = facts_of(organisation);
        if (facts == nullptr) {
            continue;
        }
        auto& own = workstations_of_[static_cast<std::size_t>(facts - facts_.organisations.data())];
        for (const std::int64_t workstation : workstations) {
            const std::size_t place = workstation_places_[static_cast<std::size_t>(workstation)];
            if (std::ranges::find(own, place) == own.end()) {
                own.push_back(place);
            }
            for (const auto& [doubtful, doubt] : workstations_[place].key_doubts) {
                if (doubtful == key) {
                    facts->doubts.push_back(doubt);
                }
            }
        }
    }
}

/// An organisation's workstations: those that had to do, before the month's end, with a key that was its own
/// by then on any workstation.
Result<void> MonthFactsReader::read_sightings() {
    workstations_of_.resize(facts_.organisations.size());
    auto statement =
        database_.prepare("SELECT key, workstation, organisation FROM seen WHERE first_us < ? ORDER BY key");
    statement.bind(microseconds_of(whole_.to));
    std::int64_t key = 0;
    std::set<std::int64_t> organisations;
    std::set<std::int64_t> workstations;
    UKEY_TRY(statement.each([&] {
        if (statement.integer(0) != key) {
            take_sightings(key, organisations, workstations);
            key = statement.integer(0);
            organisations.clear();
            workstations.clear();
        }
        workstations.insert(statement.integer(1));
        if (statement.integer(2) != 0) {
            organisations.insert(statement.integer(2));
        }
    }));
    take_sightings(key, organisations, workstations);
    return {};
}

void MonthFactsReader::add_doubts() {
    // Until when somebody is silent who was asked.
    Timestamp silent_until = whole_.from;
    for (const WorkstationMonth& of_month : workstations_) {
        if (!of_month.delivered) {
            const Timestamp asked_until = of_month.workstation.revoked.value_or(whole_.to);
            silent_until = std::max(silent_until, std::min(asked_until, whole_.to));
        }
    }
    for (std::size_t place = 0; place < facts_.organisations.size(); ++place) {
        OrganisationFacts& facts = facts_.organisations[place];
        if (workstations_of_[place].empty() && silent_until > whole_.from) {
            facts.doubts.push_back(
                {.code = "workstation.missing", .workstation = {}, .from = whole_.from, .to = silent_until});
        }
        for (const std::size_t workstation : workstations_of_[place]) {
            std::ranges::copy(workstations_[workstation].doubts, std::back_inserter(facts.doubts));
        }
    }
    for (const MisplacedSession& session : misplaced_) {
        const std::size_t place = workstation_places_[static_cast<std::size_t>(session.workstation)];
        if (OrganisationFacts* facts = facts_of(session.organisation); facts != nullptr) {
            facts->doubts.push_back({.code = "clock.uncertain",
                                     .workstation = workstations_[place].workstation.fingerprint,
                                     .from = session.time,
                                     .to = session.time});
        }
    }
    for (OrganisationFacts& facts : facts_.organisations) {
        std::ranges::sort(facts.doubts, {}, [](const Doubt& doubt) {
            return std::tuple(doubt.from, std::string_view(doubt.code), std::string_view(doubt.workstation),
                              doubt.to);
        });
    }
}

Result<void> MonthFactsReader::read_platform_logins() {
    auto statement = database_.prepare(
        "SELECT organisation, count(*) FROM platform_login WHERE month = ? GROUP BY organisation");
    statement.bind(month_number(month_));
    bool any = false;
    UKEY_TRY(statement.each([&] {
        if (!std::exchange(any, true)) {
            for (OrganisationFacts& facts : facts_.organisations) {
                facts.platform_logins = 0;
            }
        }
        if (OrganisationFacts* facts = facts_of(statement.integer(0)); facts != nullptr) {
            facts->platform_logins = static_cast<std::uint64_t>(statement.integer(1));
        }
    }));
    return {};
}

Result<MonthFacts> MonthFactsReader::read(const std::function<Result<CountedSessions>()>& sessions) {
    facts_.month = month_;
    facts_.scope = AssessmentScope::district;
    UKEY_TRY(read_organisations());
    UKEY_TRY(read_workstations());
    UKEY_TRY(read_bindings());
    UKEY_TRY(read_sightings());
    UKEY_TRY(read_platform_logins());
    UKEY_TAKE(conflicts, read_conflicts(database_, whole_));
    facts_.conflicts = std::move(conflicts);
    UKEY_TAKE(counted, sessions());
    take_sessions(std::move(counted));
    add_doubts();
    return std::move(facts_);
}

Result<std::int64_t> read_revision(Database& database) {
    auto statement = database.prepare("SELECT number FROM revision");
    UKEY_TRY(statement.step());
    return statement.integer(0);
}

/// nullopt: something was imported just between the two.
Result<std::optional<Transaction>> begin_if_same(Database& database, std::int64_t revision) {
    UKEY_TAKE(transaction, Transaction::begin_reading(database));
    UKEY_TAKE(found, read_revision(database));
    return found == revision ? std::optional(std::move(transaction)) : std::nullopt;
}

} // namespace

Result<MonthFacts> read_month_facts(Database& database, const ChinaMonth& month, const CriterionRule& rule) {
    UKEY_TAKE(other, Database::open_to_read(database.path()));
    const auto transaction = Transaction::begin_reading(database);
    if (!transaction) {
        return tl::unexpected(transaction.error());
    }
    UKEY_TAKE(revision, read_revision(database));
    UKEY_TAKE(other_transaction, begin_if_same(other, revision));
    if (!other_transaction) {
        UKEY_TAKE(counted, read_counted_sessions(database, month, rule)); // one after the other, then
        return MonthFactsReader(database, month).read([&] { return std::move(counted); });
    }
    auto counted = std::async(std::launch::async,
                              [&other, &month, &rule] { return read_counted_sessions(other, month, rule); });
    return MonthFactsReader(database, month).read([&] { return counted.get(); });
}

} // namespace ukey::ctl::district
