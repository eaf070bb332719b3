// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <ctime>

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "daemon/core/certificate.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_certificate.hpp"

namespace ukey {
namespace {

using std::chrono::days;
using test::CertificateRequest;
using test::KeyType;
using test::TemporaryFolder;
using test::TestCertificate;
using test::TextForm;

const Timestamp now = parse_timestamp("2026-04-01T08:30:00Z").value();

CertificateRequest leaf_request(KeyType type = KeyType::p_256) {
    CertificateRequest request;
    request.common_name = "涪陵区委教工支部";
    request.key_type = type;
    return request;
}

CertificateRequest ca_request(KeyType type, const std::string& name = "测试中级CA") {
    CertificateRequest request;
    request.common_name = name;
    request.key_type = type;
    request.is_ca = true;
    request.key_usage = "critical,keyCertSign,cRLSign";
    return request;
}

/// Verifies with exactly these files configured, the first of them a root.
Verification verify(const TestCertificate& leaf, const std::vector<std::string>& files,
                    const std::vector<std::string>& extra = {}, Timestamp moment = now) {
    const TemporaryFolder folder;
    for (std::size_t index = 0; index < files.size(); ++index) {
        folder.write("file" + std::to_string(index) + ".cer", files[index]);
    }
    const auto store = TrustStore::load({folder.path().string()});
    EXPECT_TRUE(store.has_value()) << (store ? "" : to_string(store.error()));
    Verification verification = store->verify(parse_certificate(leaf.der(), {}).value(), extra, moment);
    EXPECT_EQ(ERR_peek_error(), 0U) << "an error is left in OpenSSL's queue";
    return verification;
}

class EveryAlgorithm : public testing::TestWithParam<KeyType> {};

TEST_P(EveryAlgorithm, AChainIsTrusted) {
    const TestCertificate root = test::make_root(GetParam(), now);
    const TestCertificate intermediate = root.issue(ca_request(GetParam()));
    const TestCertificate leaf = intermediate.issue(leaf_request(GetParam()));

    const Verification configured = verify(leaf, {root.pem(), intermediate.der()});
    EXPECT_EQ(configured.trust, Trust::trusted) << configured.reason;
    EXPECT_FALSE(configured.expired || configured.not_yet_valid || configured.revoked ||
                 configured.revocation_known || configured.key_usage_wrong);

    const Verification on_token = verify(leaf, {root.der()}, {intermediate.der()});
    EXPECT_EQ(on_token.trust, Trust::trusted) << on_token.reason;

    const Verification missing = verify(leaf, {root.der()});
    EXPECT_EQ(missing.trust, Trust::untrusted);
    EXPECT_EQ(missing.reason, "unable to get local issuer certificate");
}

TEST_P(EveryAlgorithm, AnotherCaOfTheSameNameIsNot) {
    const TestCertificate root = test::make_root(GetParam(), now);
    const TestCertificate impostor = test::make_root(GetParam(), now);
    const Verification wrong = verify(impostor.issue(leaf_request(GetParam())), {root.der()});
    EXPECT_EQ(wrong.trust, Trust::untrusted);
    EXPECT_FALSE(wrong.reason.empty());
}

TEST_P(EveryAlgorithm, ARevokedCertificateIsRevoked) {
    const TestCertificate root = test::make_root(GetParam(), now);
    const TestCertificate revoked = root.issue(leaf_request(GetParam()));
    const TestCertificate good = root.issue(leaf_request(GetParam()));
    const std::string list = root.revocation_list({.revoked = {&revoked}});

    const Verification bad_verification = verify(revoked, {root.der(), list});
    EXPECT_EQ(bad_verification.trust, Trust::trusted) << bad_verification.reason;
    EXPECT_TRUE(bad_verification.revoked);
    EXPECT_TRUE(bad_verification.revocation_known);

    const Verification good_verification = verify(good, {root.der(), list});
    EXPECT_FALSE(good_verification.revoked);
    EXPECT_TRUE(good_verification.revocation_known);
}

TEST_P(EveryAlgorithm, AListThatIsNotTheIssuersIsIgnored) {
    const TestCertificate root = test::make_root(GetParam(), now);
    const TestCertificate impostor = test::make_root(GetParam(), now);
    const TestCertificate leaf = root.issue(leaf_request(GetParam()));
    const Verification verification =
        verify(leaf, {root.der(), impostor.revocation_list({.revoked = {&leaf}})});
    EXPECT_EQ(verification.trust, Trust::trusted);
    EXPECT_FALSE(verification.revoked);
    EXPECT_FALSE(verification.revocation_known);
}

TEST_P(EveryAlgorithm, GbkInAUtf8StringIsVerifiedOverItsOriginalBytes) {
    const TestCertificate root = test::make_root(GetParam(), now);
    CertificateRequest request = leaf_request(GetParam());
    request.form = TextForm::gbk_in_utf8_string;
    const TestCertificate leaf = root.issue(request);
    const Verification good = verify(leaf, {root.der()});
    EXPECT_EQ(good.trust, Trust::trusted) << good.reason;
    const TestCertificate impostor = test::make_root(GetParam(), now);
    EXPECT_EQ(verify(impostor.issue(request), {root.der()}).trust, Trust::untrusted);
}

INSTANTIATE_TEST_SUITE_P(TrustStore, EveryAlgorithm,
                         testing::Values(KeyType::rsa_2048, KeyType::p_256, KeyType::sm2),
                         [](const auto& test_info) {
                             switch (test_info.param) {
                             case KeyType::rsa_2048:
                                 return "rsa_2048";
                             case KeyType::p_256:
                                 return "p_256";
                             case KeyType::sm2:
                                 return "sm2";
                             }
                             return "unknown";
                         });

TEST(TrustStore, WithoutAnAnchorNothingIsChecked) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate intermediate = root.issue(ca_request(KeyType::p_256));
    CertificateRequest request = leaf_request();
    request.valid_to = days(-1);
    request.valid_from = days(-2);
    const TestCertificate leaf = intermediate.issue(request);
    const Verification nothing = TrustStore().verify(parse_certificate(leaf.der(), {}).value(), {}, now);
    EXPECT_EQ(nothing.trust, Trust::not_checked);
    EXPECT_TRUE(nothing.expired) << "the dates need no CA";
    EXPECT_EQ(verify(leaf, {intermediate.der()}).trust, Trust::not_checked) << "an intermediate is no anchor";
    EXPECT_EQ(TrustStore().anchors(), 0U);
}

TEST(TrustStore, DatesOfTheLeafAreToldApartFromTrust) {
    // make_root's validity begins with the leaf's; this one is older.
    CertificateRequest old_root = ca_request(KeyType::p_256, "旧根CA");
    old_root.valid_from = days(-1000);
    old_root.valid_to = days(3650);
    const TestCertificate anchor = TestCertificate::self_signed(old_root, now);
    const TestCertificate child = anchor.issue(leaf_request());

    const Verification expired = verify(child, {anchor.der()}, {}, now + days(400));
    EXPECT_EQ(expired.trust, Trust::trusted) << expired.reason;
    EXPECT_TRUE(expired.expired);
    EXPECT_FALSE(expired.not_yet_valid);

    const Verification early = verify(child, {anchor.der()}, {}, now - days(2));
    EXPECT_EQ(early.trust, Trust::trusted) << early.reason;
    EXPECT_TRUE(early.not_yet_valid);
    EXPECT_FALSE(early.expired);
}

TEST(TrustStore, AnExpiredIntermediateIsNotTrusted) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    CertificateRequest request = ca_request(KeyType::p_256);
    request.valid_to = days(10);
    const TestCertificate intermediate = root.issue(request);
    const Verification verification =
        verify(intermediate.issue(leaf_request()), {root.der(), intermediate.der()}, {}, now + days(20));
    EXPECT_EQ(verification.trust, Trust::untrusted);
    EXPECT_EQ(verification.reason, "certificate has expired (CN=测试中级CA,C=CN)");
    EXPECT_FALSE(verification.expired) << "the leaf itself is in date";
}

/// Nanoseconds in 64 bits end in 2262.
TEST(TrustStore, AnExpiredCaIsExpiredInAnyYear) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    CertificateRequest request = leaf_request();
    request.valid_to = days(2'900'000); // to 9966
    const TestCertificate leaf = root.issue(request);
    for (const int years : {20, 300, 585, 1169, 7000}) {
        const Timestamp moment = now + days(years * 365);
        const Verification verification =
            verify(leaf, {root.der(), root.revocation_list({.revoked = {}})}, {}, moment);
        EXPECT_EQ(verification.trust, Trust::untrusted) << years;
        EXPECT_FALSE(verification.expired) << years;
    }
}

TEST(TrustStore, AnExpiredLeafOfAnUnknownCaIsBoth) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate other = test::make_root(KeyType::p_256, now, "别的CA");
    const Verification verification = verify(other.issue(leaf_request()), {root.der()}, {}, now + days(400));
    EXPECT_EQ(verification.trust, Trust::untrusted);
    EXPECT_TRUE(verification.expired);
}

TEST(TrustStore, ALeafIsNoCa) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate leaf = root.issue(leaf_request());
    CertificateRequest request = leaf_request();
    request.common_name = "冒名支部";
    EXPECT_EQ(verify(leaf.issue(request), {root.der()}, {leaf.der()}).trust, Trust::untrusted);
}

TEST(TrustStore, ASelfSignedCertificateOnTheTokenIsNoAnchor) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate rogue = test::make_root(KeyType::p_256, now, "流氓CA");
    EXPECT_EQ(verify(rogue.issue(leaf_request()), {root.der()}, {rogue.der()}).trust, Trust::untrusted);
    EXPECT_EQ(verify(rogue, {root.der()}).trust, Trust::untrusted);
}

TEST(TrustStore, AnEncryptionCertificateIsTrustedButOfTheWrongUse) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    CertificateRequest request = leaf_request();
    request.key_usage = "critical,keyEncipherment,dataEncipherment";
    const Verification verification = verify(root.issue(request), {root.der()});
    EXPECT_EQ(verification.trust, Trust::trusted) << verification.reason;
    EXPECT_TRUE(verification.key_usage_wrong);
}

TEST(TrustStore, GarbageOnTheTokenDoesNotDisturb) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate leaf = root.issue(leaf_request());
    EXPECT_EQ(verify(leaf, {root.der()}, {"", "garbage", std::string(100, '\x30')}).trust, Trust::trusted);
}

TEST(RevocationList, OutOfDateIsUnknown) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate leaf = root.issue(leaf_request());
    const std::string list = root.revocation_list({.revoked = {&leaf}});
    const Verification later = verify(leaf, {root.der(), list}, {}, now + days(31));
    EXPECT_EQ(later.trust, Trust::trusted);
    EXPECT_FALSE(later.revoked);
    EXPECT_FALSE(later.revocation_known);
    const std::string future = root.revocation_list({.revoked = {&leaf}, .updated = days(1)});
    EXPECT_FALSE(verify(leaf, {root.der(), future}).revocation_known);
}

TEST(RevocationList, ACurrentOneCountsBesideAnOldOne) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate leaf = root.issue(leaf_request());
    const std::string old_list =
        root.revocation_list({.revoked = {}, .updated = days(-20), .next_update = days(-10)});
    const std::string current = root.revocation_list({.revoked = {&leaf}});
    EXPECT_TRUE(verify(leaf, {root.der(), old_list, current}).revoked);
}

TEST(RevocationList, OfAnIntermediateOnTheTokenIsVerifiedToo) {
    const TestCertificate root = test::make_root(KeyType::sm2, now);
    const TestCertificate intermediate = root.issue(ca_request(KeyType::sm2));
    const TestCertificate leaf = intermediate.issue(leaf_request(KeyType::sm2));
    const std::string list = intermediate.revocation_list({.revoked = {&leaf}});
    EXPECT_TRUE(verify(leaf, {root.der(), list}, {intermediate.der()}).revoked);
}

TEST(RevocationList, ARevokedIntermediateVouchesForNothing) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate intermediate = root.issue(ca_request(KeyType::p_256));
    const TestCertificate leaf = intermediate.issue(leaf_request());
    const Verification verification =
        verify(leaf, {root.der(), intermediate.der(), root.revocation_list({.revoked = {&intermediate}})});
    EXPECT_EQ(verification.trust, Trust::untrusted);
    EXPECT_EQ(verification.reason, "certificate revoked (CN=测试中级CA,C=CN)");
    EXPECT_FALSE(verification.revoked);
}

TEST(RevocationList, OfSm2WithAnotherIdIsNotBelieved) {
    const TestCertificate root = test::make_root(KeyType::sm2, now);
    const TestCertificate leaf = root.issue(leaf_request(KeyType::sm2));
    const Verification verification =
        verify(leaf, {root.der(), root.revocation_list({.revoked = {&leaf}, .sm2_id = "8765432187654321"})});
    EXPECT_FALSE(verification.revoked);
    EXPECT_FALSE(verification.revocation_known);
}

TEST(RevocationList, ADeltaIsNotJudgedAlone) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate leaf = root.issue(leaf_request());
    EXPECT_FALSE(
        verify(leaf, {root.der(), root.revocation_list({.revoked = {}, .delta = true})}).revocation_known);
}

TEST(RevocationList, APartSpeaksForItsDistributionPointOnly) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    CertificateRequest request = leaf_request();
    request.crl_uri = "http://ca.example/crl1.crl";
    const TestCertificate leaf = root.issue(request);
    const auto part = [&](const std::string& uri) {
        return verify(leaf, {root.der(), root.revocation_list({.revoked = {}, .distribution_uri = uri})});
    };
    EXPECT_TRUE(part("http://ca.example/crl1.crl").revocation_known);
    EXPECT_FALSE(part("http://ca.example/crl2.crl").revocation_known);
}

TEST(TrustStoreLoad, ReadsPemBundlesDerAndFolders) {
    const TestCertificate first = test::make_root(KeyType::p_256, now, "甲");
    const TestCertificate second = test::make_root(KeyType::sm2, now, "乙");
    const TestCertificate third = test::make_root(KeyType::p_256, now, "丙");
    const TemporaryFolder folder;
    folder.write("bundle.PEM", "a comment\n" + first.pem() + second.pem());
    folder.write("again.crt", first.der());
    folder.write("third.cer", third.der());
    folder.write("list.crl", third.revocation_list({}));
    folder.write("readme.txt", "not a certificate");
    EXPECT_EQ(TrustStore::load({folder.path().string()}).value().anchors(), 3U);
    EXPECT_EQ(TrustStore::load({(folder.path() / "third.cer").string()}).value().anchors(), 1U);
    EXPECT_EQ(TrustStore::load({}).value().anchors(), 0U);
}

TEST(TrustStoreLoad, NamesTheFileThatCannotBeUsed) {
    const TemporaryFolder folder;
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const std::vector<std::string> bad = {
        folder.write("empty.pem", ""),
        folder.write("text.pem", "nothing here"),
        folder.write("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        folder.write("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        folder.write("cut.cer", root.der().substr(0, 100)),
        folder.write("cut.pem", root.pem() + root.pem().substr(0, 300)),
        folder.write("begin.pem", root.pem() + "-----BEG1N" + root.pem().substr(10)),
        (folder.path() / "missing.pem").string(),
    };
    for (const std::string& path : bad) {
        const auto store = TrustStore::load({path});
        ASSERT_FALSE(store.has_value()) << path;
        EXPECT_EQ(store.error().code, "trust.unreadable");
        EXPECT_EQ(store.error().object, path);
        EXPECT_FALSE(store.error().reason.empty()) << path;
    }
}

TEST(TrustStoreLoad, GoesOnWithoutWhatIsUnreadable) {
    const TestCertificate root = test::make_root(KeyType::p_256, now, "甲");
    const TestCertificate lost = test::make_root(KeyType::p_256, now, "乙");
    const TemporaryFolder folder;
    const std::string good = folder.write("good.pem", root.pem());
    const std::string empty = folder.write("empty.pem", "");
    const std::string missing = (folder.path() / "missing.pem").string();

    const TrustStore store = TrustStore::load_readable({folder.path().string(), missing});
    ASSERT_EQ(store.unreadable().size(), 2U);
    EXPECT_EQ(store.unreadable().at(0).object, empty);
    EXPECT_EQ(store.unreadable().at(1).object, missing);
    const auto trust_of = [](const TrustStore& with, const TestCertificate& issuer) {
        const TestCertificate leaf = issuer.issue(leaf_request());
        return with.verify(parse_certificate(leaf.der(), {}).value(), {}, now).trust;
    };
    EXPECT_EQ(trust_of(store, root), Trust::trusted);
    EXPECT_EQ(trust_of(store, lost), Trust::untrusted);
    EXPECT_EQ(trust_of(TrustStore::load_readable({empty}), lost), Trust::untrusted)
        << "not_checked would be let through";
    EXPECT_TRUE(TrustStore::load_readable({good}).unreadable().empty());
}

TEST(TrustStoreLoad, ADamagedListCostsItsRevocationsAndNoOthers) {
    const TestCertificate root = test::make_root(KeyType::p_256, now);
    const TestCertificate revoked = root.issue(leaf_request());
    const std::string list = root.revocation_list({.revoked = {&revoked}});
    const CertificateFacts facts = parse_certificate(revoked.der(), {}).value();
    const TemporaryFolder folder;
    folder.write("root.pem", root.pem());
    folder.write("list.crl", list.substr(0, list.size() / 2));
    const TrustStore without = TrustStore::load_readable({folder.path().string()});
    EXPECT_EQ(without.unreadable().size(), 1U);
    EXPECT_FALSE(without.verify(facts, {}, now).revocation_known) << "which is a finding";

    folder.write("list.crl", list);
    folder.write("other.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    EXPECT_TRUE(TrustStore::load_readable({folder.path().string()}).verify(facts, {}, now).revoked);
}

/// Runs on the daemon's I/O thread, so it has to be quick, also with the list of a large CA.
TEST(TrustStoreSpeed, VerifyingTakesLittleTime) {
    const TestCertificate root = test::make_root(KeyType::sm2, now);
    const TestCertificate intermediate = root.issue(ca_request(KeyType::sm2));
    const TestCertificate leaf = intermediate.issue(leaf_request(KeyType::sm2));
    const TestCertificate revoked = intermediate.issue(leaf_request(KeyType::sm2));
    const TestCertificate::ListRequest request{.revoked =
                                                   std::vector<const TestCertificate*>(100'000, &revoked)};
    const TemporaryFolder folder;
    folder.write("root.pem", root.pem());
    folder.write("intermediate.pem", intermediate.pem());
    folder.write("list.crl", intermediate.revocation_list(request));
    const TrustStore store = TrustStore::load({folder.path().string()}).value();
    const CertificateFacts facts = parse_certificate(leaf.der(), {}).value();
    constexpr int rounds = 20;
    EXPECT_TRUE(store.verify(facts, {}, now).revocation_known);
    const std::clock_t begin = std::clock(); // processor time: other programs do not count
    for (int round = 0; round < rounds; ++round) {
        ASSERT_EQ(store.verify(facts, {}, now).trust, Trust::trusted);
    }
    const auto microseconds = (std::clock() - begin) * 1'000'000 / CLOCKS_PER_SEC / rounds;
    RecordProperty("verify_us", std::to_string(microseconds));
}

} // namespace
} // namespace ukey
