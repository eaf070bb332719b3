// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/binding.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

CertificateFacts certificate(const std::string& name, const std::string& code = "") {
    CertificateFacts facts;
    facts.organisation_name = name;
    facts.organisation_code = code;
    facts.spki_sha256 = "aa";
    return facts;
}

std::vector<std::string> codes(const std::vector<Finding>& findings) {
    std::vector<std::string> list;
    list.reserve(findings.size());
    for (const Finding& finding : findings) {
        list.push_back(finding.code);
    }
    return list;
}

TEST(Binding, OnlyTheExactNameNamesTheOrganisation) {
    EXPECT_EQ(check_certificate_names("k", certificate("甲支部"), "1", "甲支部"), std::nullopt);
    EXPECT_EQ(check_certificate_names("k", certificate("甲支部 "), "1", "甲支部")->code,
              "binding.name_mismatch");
    EXPECT_EQ(check_certificate_names("k", certificate("乙支部"), "1", "甲支部")->code,
              "binding.other_organisation");
}

TEST(Binding, AFullWidthBracketIsShownWithBothCodePoints) {
    const auto finding = check_certificate_names("k", certificate("机关（第一）支部"), "1", "机关(第一)支部");
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->code, "binding.name_mismatch");
    EXPECT_NE(finding->arguments.at("differences").find("U+FF08"), std::string::npos);
    EXPECT_NE(finding->arguments.at("differences").find("U+0028"), std::string::npos);
}

TEST(Binding, TheSameNameWithAnotherCodeIsAnotherOrganisation) {
    EXPECT_EQ(check_certificate_names("k", certificate("教工支部", "1"), "1", "教工支部"), std::nullopt);
    EXPECT_EQ(check_certificate_names("k", certificate("教工支部", "2"), "1", "教工支部")->code,
              "binding.other_organisation");
}

TEST(Binding, AnUnboundKeySuggestsTheOrganisationOfItsName) {
    BindingState state;
    const CertificateFacts facts = certificate("甲支部");
    EXPECT_EQ(codes(binding_findings("k", &facts, state)), std::vector<std::string>{"binding.none"});
    state.registry_is_empty = false;
    state.exact_codes = {"0042"};
    const auto suggested = binding_findings("k", &facts, state);
    EXPECT_EQ(codes(suggested), std::vector<std::string>{"binding.none"});
    EXPECT_EQ(suggested[0].arguments.at("suggestion"), " (0042)");
    state.exact_codes.clear();
    EXPECT_EQ(codes(binding_findings("k", &facts, state)),
              (std::vector<std::string>{"binding.none", "binding.unknown_organisation"}));
    state.similar_names = {"甲支部　"};
    EXPECT_EQ(codes(binding_findings("k", &facts, state)),
              (std::vector<std::string>{"binding.none", "binding.name_mismatch"}));
}

TEST(Binding, ABoundKeyWithAnotherCertificateOrKeyPair) {
    BindingState state;
    state.organisation_code = "1";
    state.organisation_name = "甲支部";
    state.pinned_spki_sha256 = "aa";
    const CertificateFacts same = certificate("甲支部");
    EXPECT_TRUE(binding_findings("k", &same, state).empty());
    const CertificateFacts other = certificate("乙支部");
    EXPECT_EQ(codes(binding_findings("k", &other, state)),
              std::vector<std::string>{"binding.other_organisation"});
    state.pinned_spki_sha256 = "bb";
    EXPECT_EQ(codes(binding_findings("k", &same, state)), std::vector<std::string>{"binding.rekeyed"});
    EXPECT_TRUE(binding_findings("k", nullptr, state).empty());
}

} // namespace
} // namespace ukey
