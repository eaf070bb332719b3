// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/certificate.hpp"

#include <algorithm>
#include <random>

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include "tests/support/test_certificate.hpp"

namespace ukey {
namespace {

using namespace std::string_literals;
using test::CertificateRequest;
using test::KeyType;
using test::TestCertificate;
using test::TextForm;

const Timestamp now = parse_timestamp("2026-04-01T08:30:00Z").value();

CertificateFacts facts_of(const CertificateRequest& request,
                          const std::vector<CertificateProfile>& profiles = {}) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const auto facts = parse_certificate(root.issue(request).der(), profiles);
    EXPECT_TRUE(facts.has_value()) << (facts ? "" : to_string(facts.error()));
    return facts.value_or(CertificateFacts{});
}

CertificateRequest named(std::string name, TextForm form = TextForm::utf8_string) {
    CertificateRequest request;
    request.common_name = std::move(name);
    request.form = form;
    return request;
}

TEST(ParseCertificate, ReadsTheFacts) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate leaf = root.issue(named("涪陵区委教工支部"));
    const CertificateFacts facts = parse_certificate(leaf.der(), {}).value();
    EXPECT_EQ(facts.der, leaf.der());
    EXPECT_EQ(facts.subject, "CN=涪陵区委教工支部,C=CN");
    EXPECT_EQ(facts.issuer, "CN=测试根CA,C=CN");
    EXPECT_EQ(facts.organisation_name, "涪陵区委教工支部");
    EXPECT_EQ(facts.organisation_code, "");
    EXPECT_FALSE(facts.text_was_rescued);
    EXPECT_EQ(facts.not_before, now - std::chrono::days(1));
    EXPECT_EQ(facts.not_after, now + std::chrono::days(365));
    EXPECT_EQ(facts.algorithm, "EC P-256");
    EXPECT_EQ(facts.key_usage, (std::vector<std::string>{"digitalSignature", "nonRepudiation"}));
    EXPECT_TRUE(facts.can_sign());
    EXPECT_FALSE(facts.is_ca);
    EXPECT_EQ(facts.fingerprint_sha256, sha256_hex(leaf.der()));
    EXPECT_EQ(facts.spki_sha256.size(), 64U);
    EXPECT_NE(facts.spki_sha256, facts.fingerprint_sha256);
    EXPECT_TRUE(parse_certificate(root.der(), {}).value().is_ca);
}

TEST(ParseCertificate, NamesTheAlgorithm) {
    for (const auto& [type, text] :
         {std::pair{KeyType::rsa_2048, "RSA-2048"}, {KeyType::p_256, "EC P-256"}, {KeyType::sm2, "SM2"}}) {
        EXPECT_EQ(parse_certificate(test::make_root(type, now).der(), {}).value().algorithm, text);
    }
}

TEST(ParseCertificate, DatesBeyond2049AreReadToo) { // RFC 5280 §4.1.2.5: GeneralizedTime from 2050 on
    CertificateRequest request = named("党校");
    request.valid_to = std::chrono::days(365 * 40);
    EXPECT_EQ(facts_of(request).not_after, now + std::chrono::days(365 * 40));
}

TEST(ParseCertificate, ReadsEveryStringType) {
    const std::string name = "中共涪陵区委党校教工支部";
    EXPECT_EQ(facts_of(named(name, TextForm::utf8_string)).organisation_name, name);
    EXPECT_EQ(facts_of(named(name, TextForm::bmp_string)).organisation_name, name);
    EXPECT_FALSE(facts_of(named(name, TextForm::bmp_string)).text_was_rescued);
}

TEST(ParseCertificate, RescuesGbkBytes) {
    const std::string name = "中共涪陵区委党校教工支部";
    for (const TextForm form :
         {TextForm::gbk_in_t61_string, TextForm::gbk_in_printable_string, TextForm::gbk_in_utf8_string}) {
        const CertificateFacts facts = facts_of(named(name, form));
        EXPECT_EQ(facts.organisation_name, name) << static_cast<int>(form);
        EXPECT_EQ(facts.subject, "CN=" + name + ",C=CN") << static_cast<int>(form);
        EXPECT_TRUE(facts.text_was_rescued) << static_cast<int>(form);
    }
}

TEST(ParseCertificate, FingerprintIsThatOfTheOriginalBytes) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate leaf = root.issue(named("教工支部", TextForm::gbk_in_utf8_string));
    EXPECT_EQ(parse_certificate(leaf.der(), {}).value().fingerprint_sha256, sha256_hex(leaf.der()));
}

TEST(ParseCertificate, NormalisesTheName) {
    EXPECT_EQ(facts_of(named("Caf\u0065\u0301支部")).organisation_name, "Caf\u00E9支部");
    EXPECT_EQ(facts_of(named("（教工）支部 ")).organisation_name, "（教工）支部 ") << "nothing but NFC";
}

TEST(ParseCertificate, EscapesSubjectsAndHidesControls) {
    EXPECT_EQ(facts_of(named(" a,b+c\"d ")).subject, "CN=\\ a\\,b\\+c\\\"d\\ ,C=CN");
    EXPECT_EQ(facts_of(named("a\x1B[2J")).organisation_name, "a\uFFFD[2J");
    EXPECT_EQ(facts_of(named("党校\0支部"s)).organisation_name, "党校\uFFFD支部")
        << "a NUL does not end the name";
}

TEST(ParseCertificate, ReadsCfcaNames) {
    const CertificateFacts facts = facts_of(named("051@涪陵区委教工支部@N500102001@1"));
    EXPECT_EQ(facts.organisation_name, "涪陵区委教工支部");
    EXPECT_EQ(facts.organisation_code, "N500102001");
    for (const std::string plain :
         {"051@涪陵@1", "051@涪陵@N5@1@2", "x@涪陵@N5@1", "051@涪陵@N5@x", "051@@N5@1", "a@b"}) {
        EXPECT_EQ(facts_of(named(plain)).organisation_name, plain);
        EXPECT_EQ(facts_of(named(plain)).organisation_code, "") << plain;
    }
}

TEST(ParseCertificate, ReadsTheCodeExtension) {
    CertificateRequest request = named("教工支部");
    for (const std::string& bytes :
         {"\x0C\x04"s + "N500", "\x13\x04"s + "N500", "\x04\x04"s + "N500", "N500"s}) {
        request.organisation_code_extension = bytes;
        EXPECT_EQ(facts_of(request).organisation_code, "N500");
    }
    request.common_name = "051@教工支部@N7@1";
    EXPECT_EQ(facts_of(request).organisation_code, "N7") << "the common name comes first";
}

TEST(ParseCertificate, TakesTheFirstMatchingProfile) {
    CertificateRequest request = named("张三");
    request.organisation = "教工支部";
    const CertificateProfile other{"CN=别的CA", "OU"};
    const CertificateProfile ours{"CN=测试根CA", "O"};
    EXPECT_EQ(facts_of(request, {other, ours}).organisation_name, "教工支部");
    EXPECT_EQ(facts_of(request, {other}).organisation_name, "张三") << "CN when none matches";
    EXPECT_EQ(facts_of(request, {{"", "OU"}, ours}).organisation_name, "") << "the attribute is not there";
    EXPECT_EQ(facts_of(request, {{"", "NONSENSE"}}).organisation_name, "");
}

TEST(ParseCertificate, KeyUsageSaysWhatItIsFor) {
    CertificateRequest request = named("教工支部");
    request.key_usage = "critical,keyEncipherment,dataEncipherment";
    EXPECT_FALSE(facts_of(request).can_sign());
    request.key_usage = "";
    EXPECT_TRUE(facts_of(request).key_usage.empty());
    EXPECT_TRUE(facts_of(request).can_sign());
    request.key_usage = "nonRepudiation";
    EXPECT_TRUE(facts_of(request).can_sign());
}

TEST(ParseCertificate, ToleratesZeroPaddingOnly) {
    const std::string der = test::make_root(KeyType::p_256, now).der();
    const CertificateFacts padded = parse_certificate(der + std::string(200, '\0'), {}).value();
    EXPECT_EQ(padded.der, der);
    EXPECT_FALSE(parse_certificate(der + "x", {}).has_value());
}

TEST(ParseCertificate, RefusesGarbage) {
    const std::string der = test::make_root(KeyType::p_256, now).der();
    for (const std::string& bytes :
         {""s, "x"s, "\x30"s, "\x30\x80"s, "\x30\x84\xFF\xFF\xFF\xFF"s, std::string(100, '\0'),
          der.substr(0, der.size() - 1), der.substr(1), std::string(100'000, '\x30')}) {
        const auto facts = parse_certificate(bytes, {});
        ASSERT_FALSE(facts.has_value()) << bytes.size();
        EXPECT_EQ(facts.error().code, "certificate.garbage");
        EXPECT_FALSE(facts.error().reason.empty());
    }
}

TEST(ParseCertificate, SurvivesDamagedBytes) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const std::string good = root.issue(named("教工支部", TextForm::gbk_in_utf8_string)).der();
    std::uniform_int_distribution<std::size_t> place(0, good.size() - 1);
    std::uniform_int_distribution<int> byte(0, 255);
    std::size_t refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = good;
        for (int count = 0; count < 3; ++count) {
            damaged[place(random)] = static_cast<char>(byte(random));
        }
        const auto facts = parse_certificate(damaged, {});
        if (facts) {
            ASSERT_EQ(facts->der, damaged.substr(0, facts->der.size()));
        } else {
            ASSERT_EQ(facts.error().code, "certificate.garbage");
            ++refused;
        }
    }
    EXPECT_GT(refused, 0U);
}

std::vector<std::string> codes(const std::vector<Finding>& findings) {
    std::vector<std::string> found;
    for (const Finding& finding : findings) {
        EXPECT_EQ(finding.subject, "key-1");
        EXPECT_EQ(message_entry(finding.code).code, finding.code);
        found.push_back(finding.code);
    }
    return found;
}

std::vector<std::string> codes_of(const CertificateFacts& facts, const Verification& verification) {
    return codes(certificate_findings("key-1", facts, verification, now, std::chrono::days(30)));
}

TEST(CertificateFindings, FollowTheVerification) {
    using Codes = std::vector<std::string>;
    CertificateFacts facts;
    facts.not_before = now - std::chrono::days(1);
    facts.not_after = now + std::chrono::days(31);
    Verification good{.trust = Trust::trusted, .reason = {}, .revocation_known = true};
    EXPECT_EQ(codes_of(facts, good), Codes{});

    Verification changed = good;
    changed.revocation_known = false;
    EXPECT_EQ(codes_of(facts, changed), Codes{"certificate.no_revocation_list"});
    changed = good;
    changed.revoked = true;
    EXPECT_EQ(codes_of(facts, changed), Codes{"certificate.revoked"});
    changed = good;
    changed.trust = Trust::untrusted;
    EXPECT_EQ(codes_of(facts, changed), Codes{"certificate.untrusted"});
    EXPECT_EQ(codes_of(facts, Verification{}), Codes{"certificate.no_trust_anchor"});
    changed = good;
    changed.expired = true;
    EXPECT_EQ(codes_of(facts, changed), Codes{"certificate.expired"});
    changed = good;
    changed.not_yet_valid = true;
    EXPECT_EQ(codes_of(facts, changed), Codes{"certificate.not_yet_valid"});
    changed = good;
    changed.key_usage_wrong = true;
    EXPECT_EQ(codes_of(facts, changed), Codes{"certificate.key_usage"});

    facts.text_was_rescued = true;
    EXPECT_EQ(codes_of(facts, good), Codes{"certificate.text_rescued"});
    facts.text_was_rescued = false;
    facts.not_after = now + std::chrono::days(29);
    EXPECT_EQ(codes_of(facts, good), Codes{"certificate.expires_soon"});
}

TEST(CertificateFindings, FillThePlacesOfTheirMessages) {
    CertificateFacts facts;
    facts.not_before = now + std::chrono::days(1);
    facts.not_after = now - std::chrono::days(1);
    facts.key_usage = {"keyEncipherment"};
    for (const Trust trust : {Trust::trusted, Trust::untrusted, Trust::not_checked}) {
        const Verification wrong{.trust = trust,
                                 .reason = "reason",
                                 .expired = true,
                                 .not_yet_valid = true,
                                 .key_usage_wrong = true};
        for (const Finding& finding :
             certificate_findings("key-1", facts, wrong, now, std::chrono::days(30))) {
            const boost::json::object json = to_json(finding);
            for (const char* text : {"message", "remedy"}) {
                EXPECT_EQ(json.at(text).as_string().find('{'), boost::json::string::npos) << json;
            }
        }
    }
}

TEST(CertificateJson, HasTheDocumentedShape) {
    CertificateFacts facts = facts_of(named("教工支部"));
    const Verification verification{.trust = Trust::untrusted, .reason = "no issuer"};
    boost::json::object json = to_json(facts, verification);
    std::vector<std::string> members;
    for (const auto& member : json) {
        members.emplace_back(member.key());
    }
    EXPECT_EQ(members, (std::vector<std::string>{"subject", "issuer", "serial", "organisation_name",
                                                 "organisation_code", "not_before", "not_after", "algorithm",
                                                 "key_usage", "fingerprint_sha256", "spki_sha256", "trust",
                                                 "trust_reason"}));
    EXPECT_TRUE(json.at("organisation_code").is_null());
    EXPECT_EQ(json.at("not_before"), "2026-03-31T08:30:00.000000Z");
    EXPECT_EQ(json.at("key_usage"), (boost::json::array{"digitalSignature", "nonRepudiation"}));
    EXPECT_EQ(json.at("trust"), "untrusted");
    EXPECT_EQ(json.at("trust_reason"), "no issuer");
    facts.organisation_code = "N5";
    EXPECT_EQ(to_json(facts, verification).at("organisation_code"), "N5");
}

TEST(Sha256, IsThatOfFips180) {
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256("abc").size(), 32U);
    EXPECT_EQ(sha256_hex("").substr(0, 16), "e3b0c44298fc1c14");
}

} // namespace
} // namespace ukey
