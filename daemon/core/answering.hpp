// SPDX-License-Identifier: Apache-2.0
// Who answers for an organisation while it has no key (平台暂未覆盖的党组织由上级组织代为履行职责).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/core/assessment.hpp"

namespace ukey {

/// So many answer one after the other at most: far more than an affiliation has levels.
constexpr std::size_t deputies_max = 64;

/// A superior that answers, and in which parts of the month.
struct Deputy {
    const OrganisationFacts* facts = nullptr;
    std::vector<TimeSpan> parts;

    /// Its logins in those parts.
    std::vector<const LoginEvidenceRow*> sessions() const;
    /// Its doubts in those parts.
    std::vector<const Doubt*> doubts() const;
};

class Answering {
  public:
    /// Both must outlive it. A workstation knows no key but its own: there only `answered_for_by` says that
    /// an organisation is without one.
    Answering(const MonthFacts& facts, const CriterionRule& rule);

    /// The nearest first: who answers for the organisation while it has no key, who answers for that one
    /// while it has none either, and so on. Nobody answers for one that a mobile terminal covers, and nobody
    /// twice.
    std::vector<Deputy> deputies_of(const OrganisationFacts& facts) const;

    /// The parts of `within` in which its logins can be seen on no workstation: a mobile terminal covers it,
    /// and it has no key.
    std::vector<TimeSpan> unseen_parts(const OrganisationFacts& facts,
                                       const std::vector<TimeSpan>& within) const;

  private:
    void find_superiors();
    void find_named();
    const OrganisationFacts* answers_for(const OrganisationFacts& facts) const;
    bool has_terminal(const OrganisationFacts& facts) const;

    const std::vector<OrganisationFacts>& organisations_;
    Delegation delegation_;
    bool terminal_covers_;
    /// The nearest one in each one's path that exists in the month; null: there is none.
    std::vector<const OrganisationFacts*> superiors_;
    /// By their codes, those that are named by `answered_for_by`.
    std::unordered_map<std::string_view, const OrganisationFacts*> named_;
};

} // namespace ukey
