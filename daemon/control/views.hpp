// SPDX-License-Identifier: Apache-2.0
// How things look to a caller: the shapes of docs/formats/channels.md §4, less what the caller may not see.
#pragma once

#include <boost/json/object.hpp>

#include "daemon/control/control_context.hpp"
#include "daemon/store/registry_store.hpp"

namespace ukey {

/// Who looks. `pin.default` tells anyone who reads it the PIN: only operators and the key's own user see it.
struct Viewer {
    std::uint32_t uid = 0;
    bool operates = false;
};
inline Viewer viewer_of(const ControlRequest& request) {
    return {request.peer.uid, request.operates()};
}

boost::json::object view_key(const PresentKey& key, const ControlContext& context, const Viewer& viewer);
/// A key that is not in.
boost::json::object view_absent_key(const KeyRecord& key, const ControlContext& context,
                                    const Viewer& viewer);
boost::json::object view_device(const BusEntry& entry);
boost::json::object view_module(const Worker& worker);
boost::json::object view_session(const LoginSession& session, const CriterionRule& rule,
                                 const Viewer& viewer);
boost::json::object view_organisation(const OrganisationEntry& entry, const Viewer& viewer);
boost::json::array view_findings(const std::vector<Finding>& findings);

/// The user database may have changed: views ask it anew.
void forget_user_names();

} // namespace ukey
