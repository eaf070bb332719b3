// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/admission.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

std::vector<Finding> findings(std::initializer_list<const char*> codes) {
    std::vector<Finding> list;
    for (const char* code : codes) {
        list.push_back({code, "key", {}});
    }
    return list;
}

TEST(Admission, ShippedPolicyDeniesAndWarns) {
    for (const char* code :
         {"binding.other_organisation", "binding.unknown_organisation", "certificate.revoked",
          "certificate.untrusted", "certificate.expired", "key.returned"}) {
        EXPECT_EQ(decide_admission(findings({code}), Policy(), Mode::enforce).verdict, Verdict::deny) << code;
    }
    for (const char* code : {"pin.default", "certificate.expires_soon", "certificate.no_revocation_list",
                             "binding.none", "key.not_read"}) {
        EXPECT_EQ(decide_admission(findings({code}), Policy(), Mode::enforce).verdict, Verdict::warn) << code;
    }
}

TEST(Admission, EveryCodeOfThePolicyIsInTheTable) {
    const Policy policy;
    for (const auto& [code, verdict] : policy.verdicts()) {
        EXPECT_EQ(message_entry(code).code, code);
    }
}

TEST(Admission, TheWorstFindingDecidesAndAllAreNamed) {
    const auto admission = decide_admission(findings({"pin.default", "certificate.expired", "pin.count_low"}),
                                            Policy(), Mode::enforce);
    EXPECT_EQ(admission.verdict, Verdict::deny);
    EXPECT_EQ(admission.codes, (std::vector<std::string>{"pin.default", "certificate.expired"}));
    EXPECT_EQ(admission.effective(), Verdict::deny);
}

TEST(Admission, ObserveRefusesNothingButSaysWhatItWouldHave) {
    const auto admission = decide_admission(findings({"certificate.expired"}), Policy(), Mode::observe);
    EXPECT_EQ(admission.verdict, Verdict::deny);
    EXPECT_EQ(admission.effective(), Verdict::warn);
}

TEST(Admission, AConfiguredPolicyOverrides) {
    Policy policy;
    policy.set("pin.default", Verdict::deny);
    policy.set("certificate.expired", Verdict::allow);
    EXPECT_EQ(decide_admission(findings({"pin.default"}), policy, Mode::enforce).verdict, Verdict::deny);
    EXPECT_EQ(decide_admission(findings({"certificate.expired"}), policy, Mode::enforce).verdict,
              Verdict::allow);
}

} // namespace
} // namespace ukey
