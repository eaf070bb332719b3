// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/answering.hpp"

#include <algorithm>
#include <cstddef>

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

bool is_superior(const OrganisationFacts& one, const OrganisationFacts& other) {
    const std::vector<std::string>& path = one.organisation.path;
    const std::vector<std::string>& longer = other.organisation.path;
    return path.size() < longer.size() && std::equal(path.begin(), path.end(), longer.begin());
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
    : organisations_(facts.organisations), delegation_(rule.login.delegation),
      terminal_covers_(rule.coverage.mobile_terminal_covers) {
    if (facts.scope == AssessmentScope::workstation && delegation_ == Delegation::superior) {
        delegation_ = Delegation::registry;
    }
    if (delegation_ == Delegation::superior) {
        find_superiors();
    }
    find_named();
}

/// In the order of paths, one that lies above another comes before it, and between the two only what lies
/// below the first.
void Answering::find_superiors() {
    std::vector<const OrganisationFacts*> order;
    order.reserve(organisations_.size());
    for (const OrganisationFacts& facts : organisations_) {
        order.push_back(&facts);
    }
    const auto path_of = [](const OrganisationFacts* facts) -> const std::vector<std::string>& {
        return facts->organisation.path;
    };
    if (!std::ranges::is_sorted(order, {}, path_of)) {
        std::ranges::stable_sort(order, {}, path_of);
    }
    superiors_.resize(organisations_.size());
    std::vector<const OrganisationFacts*> above;
    for (const OrganisationFacts* facts : order) {
        while (!above.empty() && !is_superior(*above.back(), *facts)) {
            above.pop_back();
        }
        superiors_[static_cast<std::size_t>(facts - organisations_.data())] =
            above.empty() ? nullptr : above.back();
        above.push_back(facts);
    }
}

void Answering::find_named() {
    for (const OrganisationFacts& facts : organisations_) {
        if (!facts.organisation.answered_for_by.empty()) {
            named_.emplace(facts.organisation.answered_for_by, nullptr);
        }
    }
    if (named_.empty()) {
        return;
    }
    for (const OrganisationFacts& facts : organisations_) {
        if (const auto named = named_.find(facts.organisation.code); named != named_.end()) {
            named->second = named->second == nullptr ? &facts : named->second;
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
    const OrganisationFacts* next = answers_for(facts);
    while (!parts.empty() && next != nullptr && is_new(next) && deputies.size() < deputies_max) {
        deputies.push_back({next, parts});
        parts = has_terminal(*next) ? std::vector<TimeSpan>() : intersection(parts, next->without_key);
        next = answers_for(*next);
    }
    return deputies;
}

std::vector<TimeSpan> Answering::unseen_parts(const OrganisationFacts& facts,
                                              const std::vector<TimeSpan>& within) const {
    return has_terminal(facts) ? intersection(within, facts.without_key) : std::vector<TimeSpan>();
}

const OrganisationFacts* Answering::answers_for(const OrganisationFacts& facts) const {
    if (delegation_ == Delegation::none) {
        return nullptr;
    }
    if (!facts.organisation.answered_for_by.empty()) {
        return named_.at(facts.organisation.answered_for_by);
    }
    return superiors_.empty() ? nullptr
                              : superiors_[static_cast<std::size_t>(&facts - organisations_.data())];
}

bool Answering::has_terminal(const OrganisationFacts& facts) const {
    return terminal_covers_ && facts.organisation.mobile_terminal;
}

} // namespace ukey
