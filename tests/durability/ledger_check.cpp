// SPDX-License-Identifier: Apache-2.0
#include "tests/durability/ledger_check.hpp"

#include <fmt/format.h>

#include "daemon/store/projection.hpp"
#include "daemon/store/session_store.hpp"

namespace ukey::test {
namespace {

std::string why_no_chain(Storage& storage, const Acknowledged& acknowledged) {
    ChainVerifier chain;
    std::string problem;
    bool has_head = acknowledged.head_seq == 0;
    const auto visited = storage.visit_records(1, 0, [&](const LedgerRecord& record) {
        if (const auto wrong = chain.add(record)) {
            problem = fmt::format("record {}: {}", record.seq, *wrong);
            return false;
        }
        has_head = has_head || (record.seq == acknowledged.head_seq && record.hash == acknowledged.head_hash);
        return true;
    });
    if (!visited) {
        return to_string(visited.error());
    }
    if (problem.empty() && chain.head() != storage.head_hash()) {
        return "the chain does not end at the head";
    }
    if (problem.empty() && !has_head) {
        return fmt::format("record {} was acknowledged and is not there; the head is {}",
                           acknowledged.head_seq, storage.head_seq());
    }
    return problem;
}

/// The tables beside the ledger must say what it says: whatever was lost of it, they lost as well.
std::string why_not_rebuilt(Storage& storage) {
    const auto verdict = storage.read([&] { return compare_projection(storage); });
    if (!verdict) {
        return to_string(verdict.error());
    }
    if (verdict->differing == 0) {
        return {};
    }
    const ProjectionDifference& first = verdict->differences.front();
    return fmt::format("{} values beside the ledger are not what it says: {} {} {} is '{}', not '{}'",
                       verdict->differing, first.table, first.row, first.column, first.in_force,
                       first.derived);
}

} // namespace

std::string why_not_whole(const std::string& path, const Acknowledged& acknowledged,
                          bool refused_are_absent) {
    const SystemClock clock;
    auto storage = Storage::open(path, clock);
    if (!storage) {
        return to_string(storage.error());
    }
    if (std::string problem = why_no_chain(*storage, acknowledged); !problem.empty()) {
        return problem;
    }
    if (std::string problem = why_not_rebuilt(*storage); !problem.empty()) {
        return problem;
    }
    const auto sessions = list_sessions(*storage, {});
    if (!sessions) {
        return to_string(sessions.error());
    }
    std::set<std::string> there;
    for (const LoginSession& session : *sessions) {
        there.insert(session.login);
    }
    for (const std::string& login : acknowledged.logins) {
        if (!there.contains(login)) {
            return "login " + login + " was acknowledged and is not there";
        }
    }
    for (const std::string& login : acknowledged.refused) {
        if (refused_are_absent && there.contains(login)) {
            return "login " + login + " was refused and is there";
        }
    }
    History next(1); // and the service goes on with it
    return next.start(*storage) && next.step(*storage) ? why_not_rebuilt(*storage)
                                                       : "it cannot be written to";
}

} // namespace ukey::test
