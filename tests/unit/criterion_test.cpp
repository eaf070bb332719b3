// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/criterion.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

LoginSession session(const std::string& organisation, std::uint64_t uses,
                     const std::string& executable = "/usr/bin/vpn") {
    LoginSession made;
    made.organisation = organisation;
    made.uses = uses;
    made.executable = executable;
    made.started = parse_timestamp("2026-04-10T01:00:00Z").value();
    return made;
}

Organisation organisation(const std::string& code, const std::string& answered_for_by = "") {
    Organisation made;
    made.code = code;
    made.path = {"组织" + code};
    made.answered_for_by = answered_for_by;
    return made;
}

TEST(Criterion, MetNotSeenAndAnsweredFor) {
    CriterionRule rule = CriterionRule::built_in();
    rule.login.sessions_required = 2;
    const auto evidence = collect_evidence(
        {session("1", 1), session("1", 3), session("2", 1), session("3", 0), session("", 5)}, rule);
    const auto results =
        judge_logins({organisation("1"), organisation("2"), organisation("3", "1"), organisation("4", "2")},
                     evidence, rule);
    EXPECT_TRUE(results[0].met);
    EXPECT_TRUE(results[0].via.empty());
    EXPECT_FALSE(results[1].met) << "one of two";
    EXPECT_TRUE(results[2].met);
    EXPECT_EQ(results[2].via, "1");
    EXPECT_FALSE(results[3].met) << "the superior has not met it either";
    EXPECT_EQ(to_json(results[1], rule).at("status").as_string(), "not_seen_here");
}

} // namespace
} // namespace ukey
