// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/month_store.hpp"

#include <unordered_map>

#include "daemon/core/base64.hpp"
#include "daemon/core/registry_digest.hpp"
#include "daemon/core/time_spans.hpp"
#include "daemon/store/archive_store.hpp"
#include "daemon/store/binding_history.hpp"
#include "daemon/store/registry_store.hpp"
#include "daemon/store/session_store.hpp"

namespace ukey {
namespace {

using ByCode = std::unordered_map<std::string, OrganisationFacts*>;

Result<void> add_organisations(Storage& storage, MonthFacts& facts) {
    auto entries = list_organisations(storage, "");
    if (!entries) {
        return tl::unexpected(entries.error());
    }
    RegistryDigest digest;
    for (OrganisationEntry& entry : *entries) {
        if (exists_at_end_of(facts.month, entry.organisation)) {
            digest.add(entry.organisation);
            facts.organisations.emplace_back().organisation = std::move(entry.organisation);
        }
    }
    facts.registry_sha256 = digest.sha256();
    return {};
}

Result<void> add_keys(Storage& storage, MonthFacts& facts, const ByCode& by_code) {
    const TimeSpan month{facts.month.begin(), facts.month.end()};
    const auto history = read_binding_history(storage, month.to);
    if (!history) {
        return tl::unexpected(history.error());
    }
    std::unordered_map<std::string, std::vector<TimeSpan>> bound;
    for (const BoundTime& binding : *history) {
        bound[binding.organisation].push_back(binding.time);
        if (const auto found = by_code.find(binding.organisation);
            found != by_code.end() && binding.time.to >= month.to) {
            ++found->second->keys;
        }
    }
    for (OrganisationFacts& organisation : facts.organisations) {
        organisation.without_key =
            gaps_between(joined_spans(std::move(bound[organisation.organisation.code])), month);
    }
    return {};
}

Result<void> add_sessions(Storage& storage, MonthFacts& facts, const ByCode& by_code,
                          const CriterionRule& rule) {
    const auto sessions = list_sessions(
        storage,
        {.month = facts.month, .key_id = {}, .organisation = {}, .open_only = false, .uid = std::nullopt});
    if (!sessions) {
        return tl::unexpected(sessions.error());
    }
    for (const LoginSession& session : *sessions) {
        const auto found = by_code.find(session.organisation);
        if (found != by_code.end() && counts(session, rule)) {
            found->second->sessions.push_back({.workstation = {},
                                               .login = session.login,
                                               .key_id = session.key_id,
                                               .started = session.started,
                                               .grade = session.grade,
                                               .uses = session.uses});
        }
    }
    return {};
}

/// Records are vouched for as far as the newest one goes: who asks is this computer itself.
Result<void> add_ledger(Storage& storage, MonthFacts& facts) {
    auto ends = storage.database().prepare(
        "SELECT seq, time_us FROM ledger WHERE seq = (SELECT min(seq) FROM ledger) "
        "UNION ALL SELECT seq, time_us FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)");
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    LedgerExtent extent;
    extent.head = hex_encode(storage.head_hash());
    Timestamp first = Timestamp::max();
    UKEY_TRY(ends.each([&] {
        extent.last_seq = static_cast<std::uint64_t>(ends.integer(0));
        extent.vouched_until = from_microseconds(ends.integer(1));
        if (first == Timestamp::max()) {
            extent.first_seq = extent.last_seq;
            first = extent.vouched_until;
        }
    }));
    if (archived->seq > 0) {
        first = archived->time; // the next record follows it
    }
    extent.complete_month = first <= facts.month.begin() && extent.vouched_until >= facts.month.end();
    facts.ledgers.push_back(std::move(extent));
    return {};
}

} // namespace

Result<MonthFacts> read_month(Storage& storage, const ChinaMonth& month, const CriterionRule& rule) {
    MonthFacts facts;
    facts.month = month;
    facts.scope = AssessmentScope::workstation;
    UKEY_TRY(add_organisations(storage, facts));
    ByCode by_code;
    for (OrganisationFacts& organisation : facts.organisations) {
        by_code.emplace(organisation.organisation.code, &organisation);
    }
    UKEY_TRY(add_keys(storage, facts, by_code));
    UKEY_TRY(add_sessions(storage, facts, by_code, rule));
    UKEY_TRY(add_ledger(storage, facts));
    return facts;
}

} // namespace ukey
