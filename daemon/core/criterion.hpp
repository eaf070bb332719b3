// SPDX-License-Identifier: Apache-2.0
// The monthly login criterion, as one workstation can tell it: met, or not seen here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/criterion_rule.hpp"
#include "daemon/core/organisation.hpp"
#include "daemon/core/session.hpp"

namespace ukey {

/// What is known of one organisation's logins in the month.
struct LoginEvidence {
    unsigned counted_sessions = 0;
    std::optional<Timestamp> last_login;
};

struct LoginResult {
    Organisation organisation;
    bool met = false;
    LoginEvidence evidence;
    /// The superior organisation whose logins met it in this one's place; empty: none.
    std::string via;
};

/// Per organisation code, from sessions of the month that count.
std::map<std::string, LoginEvidence> collect_evidence(const std::vector<LoginSession>& sessions,
                                                      const CriterionRule& rule);

/// One result per organisation, in the order given. An organisation with `answered_for_by` is met by its
/// superior's logins too (the notice: 平台暂未覆盖的党组织由上级组织代为履行职责).
std::vector<LoginResult> judge_logins(const std::vector<Organisation>& organisations,
                                      const std::map<std::string, LoginEvidence>& evidence,
                                      const CriterionRule& rule);

/// The criterion's row of docs/formats/channels.md §4.
boost::json::object to_json(const LoginResult& result, const CriterionRule& rule);

} // namespace ukey
