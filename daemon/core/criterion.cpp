// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/criterion.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

namespace ukey {

std::map<std::string, LoginEvidence> collect_evidence(const std::vector<LoginSession>& sessions,
                                                      const CriterionRule& rule) {
    std::map<std::string, LoginEvidence> evidence;
    for (const LoginSession& session : sessions) {
        if (session.organisation.empty() || !counts(session, rule)) {
            continue;
        }
        LoginEvidence& entry = evidence[session.organisation];
        ++entry.counted_sessions;
        entry.last_login = std::max(entry.last_login.value_or(session.started), session.started);
    }
    return evidence;
}

std::vector<LoginResult> judge_logins(const std::vector<Organisation>& organisations,
                                      const std::map<std::string, LoginEvidence>& evidence,
                                      const CriterionRule& rule) {
    const auto enough = [&](const std::string& code) {
        const auto found = evidence.find(code);
        return found != evidence.end() && found->second.counted_sessions >= rule.login.sessions_required;
    };
    std::vector<LoginResult> results;
    results.reserve(organisations.size());
    for (const Organisation& organisation : organisations) {
        LoginResult result{.organisation = organisation, .met = false, .evidence = {}, .via = {}};
        if (const auto own = evidence.find(organisation.code); own != evidence.end()) {
            result.evidence = own->second;
        }
        result.met = enough(organisation.code);
        if (!result.met && enough(organisation.answered_for_by)) {
            result.met = true;
            result.via = organisation.answered_for_by;
        }
        results.push_back(std::move(result));
    }
    return results;
}

boost::json::object to_json(const LoginResult& result, const CriterionRule& rule) {
    const Organisation& organisation = result.organisation;
    boost::json::object row{
        {"organisation",
         {{"code", organisation.code},
          {"path", boost::json::array(organisation.path.begin(), organisation.path.end())},
          {"name", organisation.name()}}},
        {"assessed_unit", organisation.assessed_unit},
        {"status", result.met ? "met" : "not_seen_here"},
        {"counted_sessions", result.evidence.counted_sessions},
        {"required", rule.login.sessions_required},
        {"via", nullptr},
        {"last_login", nullptr},
        {"reason",
         result.met ? (result.via.empty() ? "own_logins" : "answered_for") : "too_few_logins_seen_here"}};
    if (!result.via.empty()) {
        row["via"] = result.via;
    }
    if (result.evidence.last_login) {
        row["last_login"] = format_timestamp(*result.evidence.last_login);
    }
    return row;
}

} // namespace ukey
