// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/answering.hpp"

#include <algorithm>

#include "daemon/core/time_spans.hpp"

namespace ukey {
namespace {

bool contains(const std::vector<TimeSpan>& parts, Timestamp moment) {
    return std::ranges::any_of(parts,
                               [&](const TimeSpan& part) { return part.from <= moment && moment < part.to; });
}

/// A doubt of a moment only has `from` and `to` the same.
bool overlaps(const std::vector<TimeSpan>& parts, const Doubt& doubt) {
    return contains(parts, doubt.from) || std::ranges::any_of(parts, [&](const TimeSpan& part) {
               return doubt.from < part.to && doubt.to > part.from;
           });
}

/// No name has this character (registry_file.cpp refuses it), so equal keys are equal paths.
std::string path_key(const std::vector<std::string>& path, std::size_t names) {
    std::string key;
    for (std::size_t place = 0; place < names; ++place) {
        key += path[place];
        key += '\x1F';
    }
    return key;
}

} // namespace

std::vector<const LoginEvidenceRow*> Deputy::sessions() const {
    std::vector<const LoginEvidenceRow*> within;
    for (const LoginEvidenceRow& session : facts->sessions) {
        if (contains(parts, session.started)) {
            within.push_back(&session);
        }
    }
    return within;
}

std::vector<const Doubt*> Deputy::doubts() const {
    std::vector<const Doubt*> within;
    for (const Doubt& doubt : facts->doubts) {
        if (overlaps(parts, doubt)) {
            within.push_back(&doubt);
        }
    }
    return within;
}

Answering::Answering(const MonthFacts& facts, const CriterionRule& rule)
    : delegation_(rule.login.delegation), terminal_covers_(rule.coverage.mobile_terminal_covers) {
    if (facts.scope == AssessmentScope::workstation && delegation_ == Delegation::superior) {
        delegation_ = Delegation::registry;
    }
    by_code_.reserve(facts.organisations.size());
    by_path_.reserve(delegation_ == Delegation::superior ? facts.organisations.size() : 0);
    for (const OrganisationFacts& organisation : facts.organisations) {
        by_code_.emplace(organisation.organisation.code, &organisation);
        if (delegation_ == Delegation::superior) {
            const std::vector<std::string>& path = organisation.organisation.path;
            by_path_.emplace(path_key(path, path.size()), &organisation);
        }
    }
}

std::vector<Deputy> Answering::deputies_of(const OrganisationFacts& facts) const {
    std::vector<Deputy> deputies;
    const auto is_new = [&](const OrganisationFacts* candidate) {
        return candidate != &facts &&
               std::ranges::find(deputies, candidate, &Deputy::facts) == deputies.end();
    };
    std::vector<TimeSpan> parts = has_terminal(facts) ? std::vector<TimeSpan>() : facts.without_key;
    const OrganisationFacts* next = answers_for(facts.organisation);
    while (!parts.empty() && next != nullptr && is_new(next) && deputies.size() < deputies_max) {
        deputies.push_back({next, parts});
        parts = has_terminal(*next) ? std::vector<TimeSpan>() : intersection(parts, next->without_key);
        next = answers_for(next->organisation);
    }
    return deputies;
}

std::vector<TimeSpan> Answering::unseen_parts(const OrganisationFacts& facts,
                                              const std::vector<TimeSpan>& within) const {
    return has_terminal(facts) ? intersection(within, facts.without_key) : std::vector<TimeSpan>();
}

const OrganisationFacts* Answering::answers_for(const Organisation& organisation) const {
    if (delegation_ == Delegation::none) {
        return nullptr;
    }
    if (!organisation.answered_for_by.empty()) {
        const auto found = by_code_.find(organisation.answered_for_by);
        return found == by_code_.end() ? nullptr : found->second;
    }
    return delegation_ == Delegation::superior ? superior_of(organisation) : nullptr;
}

/// The nearest one in the path that exists in the month.
const OrganisationFacts* Answering::superior_of(const Organisation& organisation) const {
    for (std::size_t names = organisation.path.size(); names-- > 1;) {
        if (const auto found = by_path_.find(path_key(organisation.path, names)); found != by_path_.end()) {
            return found->second;
        }
    }
    return nullptr;
}

bool Answering::has_terminal(const OrganisationFacts& facts) const {
    return terminal_covers_ && facts.organisation.mobile_terminal;
}

} // namespace ukey
