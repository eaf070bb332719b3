// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/criterion.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include "embedded/rules_2013_toml.hpp"

namespace ukey {
namespace {

constexpr std::int64_t sessions_required_max = 1000;

tl::unexpected<Error> rule_error(std::string_view file, const toml::node& node, std::string reason) {
    return fail("config.bad_value", "read the rule file",
                fmt::format("{}:{}", file, node.source().begin.line), std::move(reason));
}

Result<std::vector<std::string>> read_list(std::string_view file, const toml::node& node) {
    std::vector<std::string> texts;
    if (const toml::array* array = node.as_array()) {
        for (const toml::node& element : *array) {
            if (!element.is_string()) {
                return rule_error(file, element, "must be a text in quotes");
            }
            texts.push_back(element.value_or(std::string()));
        }
        return texts;
    }
    return rule_error(file, node, "must be a list of texts");
}

Result<void> read_login_rule(std::string_view file, const toml::table& table, CriterionRule& rule) {
    for (const auto& [name, node] : table) {
        if (name == "sessions_required") {
            const std::int64_t number = node.value_or(std::int64_t{0});
            if (number < 1 || number > sessions_required_max) {
                return rule_error(file, node,
                                  "login.sessions_required must be a whole number from 1 to 1000");
            }
            rule.sessions_required = static_cast<unsigned>(number);
        } else if (name == "grades" || name == "applications") {
            auto texts = read_list(file, node);
            if (!texts) {
                return tl::unexpected(texts.error());
            }
            (name == "grades" ? rule.grades : rule.applications) = std::move(*texts);
        } else {
            return rule_error(file, node, fmt::format("there is no key “login.{}”", name.str()));
        }
    }
    return {};
}

std::string file_name_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

} // namespace

Result<CriterionRule> CriterionRule::parse(std::string_view file, std::string_view text) {
    CriterionRule rule;
    try {
        const toml::table document = toml::parse(text);
        for (const auto& [name, node] : document) {
            if (name == "name") {
                rule.name = node.value_or(std::string());
            } else if (name == "valid_from") {
                rule.valid_from = node.value_or(std::string());
            } else if (name == "login" && node.is_table()) {
                if (const auto read = read_login_rule(file, *node.as_table(), rule); !read) {
                    return tl::unexpected(read.error());
                }
            } else {
                return rule_error(file, node, fmt::format("there is no key “{}”", name.str()));
            }
        }
        if (rule.name.empty() || !ChinaMonth::parse(rule.valid_from) || rule.grades.empty()) {
            return rule_error(file, document, "a rule needs name, valid_from (YYYY-MM) and login.grades");
        }
    } catch (const toml::parse_error& error) {
        return fail("config.syntax", "read the rule file",
                    fmt::format("{}:{}", file, error.source().begin.line), std::string(error.description()));
    }
    return rule;
}

Result<CriterionRule> CriterionRule::load(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    if (!stream || !(text << stream.rdbuf())) {
        return fail("config.unreadable", "read the rule file", path,
                    std::error_code(errno, std::generic_category()).message());
    }
    return parse(path, text.str());
}

const CriterionRule& CriterionRule::built_in() {
    static const CriterionRule rule = parse("2013.toml", embedded::rules_2013_toml).value();
    return rule;
}

bool counts(const LoginSession& session, const CriterionRule& rule) {
    if (session.uses == 0 || std::ranges::find(rule.grades, to_string(session.grade)) == rule.grades.end()) {
        return false;
    }
    return rule.applications.empty() ||
           std::ranges::find(rule.applications, file_name_of(session.executable)) != rule.applications.end();
}

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
        return found != evidence.end() && found->second.counted_sessions >= rule.sessions_required;
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
        {"required", rule.sessions_required},
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
