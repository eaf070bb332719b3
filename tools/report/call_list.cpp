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

std::string name_or_reason(const Contact& contact) {
    if (contact.hidden) {
        return _("shown to operators only");
    }
    return contact.name.empty() ? _("none is entered") : contact.name;
}

Contact CallList::contact_of(const OrganisationAssessment& row) const {
    const auto& own = row.organisation.administrator;
    if (own && is_valid_mobile(own->mobile)) {
        return {.name = own->name, .mobile = own->mobile, .of = {}};
    }
    if (!own && (row.administrator == AdministratorState::known ||
                 row.administrator == AdministratorState::bad_mobile)) {
        return {.name = {}, .mobile = {}, .of = {}, .hidden = true};
    }
    std::vector<std::string> path = row.organisation.path;
    while (path.size() > 1) {
        path.pop_back();
        std::string superior = join_path(path);
        if (const auto found = by_path_.find(superior); found != by_path_.end()) {
            return {.name = found->second->name, .mobile = found->second->mobile, .of = std::move(superior)};
        }
    }
    return own ? Contact{.name = own->name, .mobile = own->mobile, .of = {}} : Contact{};
}

} // namespace ukey::ctl
