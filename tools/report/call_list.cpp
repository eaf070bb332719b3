// SPDX-License-Identifier: Apache-2.0
#include "tools/report/call_list.hpp"

#include "tools/locale.hpp"

namespace ukey::ctl {

std::vector<std::string> missing_of(const OrganisationAssessment& row) {
    std::vector<std::string> missing;
    if (row.covered == Covered::no) {
        missing.push_back(_("a U-Key or a mobile terminal"));
    }
    if (row.administrator == AdministratorState::missing) {
        missing.push_back(_("an administrator"));
    } else if (row.administrator == AdministratorState::bad_mobile) {
        missing.push_back(_("the administrator's valid mobile number"));
    }
    switch (row.login) {
    case LoginStatus::met:
    case LoginStatus::not_required:
        break;
    case LoginStatus::not_met:
        missing.push_back(_("logins in this month"));
        break;
    case LoginStatus::not_seen_here:
        missing.push_back(_("logins that were seen here"));
        break;
    case LoginStatus::cannot_tell:
        missing.push_back(_("proof of logins"));
        break;
    }
    return missing;
}

CallList::CallList(const std::vector<OrganisationAssessment>& rows) {
    for (const OrganisationAssessment& row : rows) {
        const auto& administrator = row.organisation.administrator;
        if (administrator && is_valid_mobile(administrator->mobile)) {
            by_path_.emplace(join_path(row.organisation.path), &*administrator);
        }
    }
}

Contact CallList::contact_of(const Organisation& organisation) const {
    const auto& own = organisation.administrator;
    if (own && is_valid_mobile(own->mobile)) {
        return {own->name, own->mobile, {}};
    }
    std::vector<std::string> path = organisation.path;
    while (path.size() > 1) {
        path.pop_back();
        std::string superior = join_path(path);
        if (const auto found = by_path_.find(superior); found != by_path_.end()) {
            return {found->second->name, found->second->mobile, std::move(superior)};
        }
    }
    return own ? Contact{own->name, own->mobile, {}} : Contact{};
}

} // namespace ukey::ctl
