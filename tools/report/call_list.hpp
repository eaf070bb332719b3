// SPDX-License-Identifier: Apache-2.0
// What an organisation still lacks for the month, and whom to call about it.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/core/assessment.hpp"

namespace ukey::ctl {

/// What is missing, in the reader's language: a U-Key, an administrator, a login … Empty: nothing.
std::vector<std::string> missing_of(const OrganisationAssessment& row);

struct Contact {
    std::string name;
    std::string mobile;
    /// The superior organisation whose administrator this is, its full path; empty: the organisation's own.
    std::string of;
    /// There is one, but the caller may not see who (without the privilege `operate`).
    bool hidden = false;
};
/// The name, or why there is none.
std::string name_or_reason(const Contact& contact);

/// The administrators of one assessment. It points into the rows: they must outlive it.
class CallList {
  public:
    explicit CallList(const std::vector<OrganisationAssessment>& rows);

    /// The organisation's own administrator, else that of the nearest organisation above it that has one with
    /// a valid number. Empty members: there is nobody.
    Contact contact_of(const OrganisationAssessment& row) const;

  private:
    std::unordered_map<std::string, const Administrator*> by_path_;
};

} // namespace ukey::ctl
