// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/decryption_sample.hpp"

#include <gtest/gtest.h>

#include "daemon/core/base64.hpp"
#include "tests/support/test_certificate.hpp"

namespace ukey {
namespace {

const Timestamp now = parse_timestamp("2026-04-01T00:00:00Z").value();

CertificateReport report(test::KeyType type, const std::string& id,
                         const std::string& key_usage = "critical,keyEncipherment") {
    test::CertificateRequest request;
    request.key_type = type;
    request.key_usage = key_usage;
    CertificateReport made;
    made.id = id;
    made.der = test::TestCertificate::self_signed(request, now).der();
    return made;
}

/// What a key says of the question with this number: a plaintext, or the call that failed.
boost::json::object one(std::size_t number, const std::string& plaintext, const std::string& failed = "") {
    return {{"number", number}, {"plaintext", base64_encode(plaintext)}, {"failed", failed}};
}

DecryptionVerdict judge(std::span<const DecryptionQuestion> questions, boost::json::array answers) {
    return judge_decryptions(questions, {{"decryptions", std::move(answers)}});
}

TEST(DecryptionSample, AsksForRsaKeysWithAnId) {
    const std::vector certificates{report(test::KeyType::rsa_2048, "01"), report(test::KeyType::p_256, "02"),
                                   report(test::KeyType::rsa_2048, ""),
                                   report(test::KeyType::rsa_2048, "04", "critical,digitalSignature")};
    const auto questions = ask_for_decryption(certificates);
    ASSERT_EQ(questions.size(), 1U);
    EXPECT_EQ(questions.front().id, "01");
    EXPECT_EQ(questions.front().plaintext.size(), 32U);
    EXPECT_EQ(questions.front().ciphertext.size(), 256U);
    EXPECT_EQ(questions.front().ciphertext.find(questions.front().plaintext), std::string::npos);
    const CertificateReport any_use = report(test::KeyType::rsa_2048, "05", "");
    EXPECT_TRUE(ask_for_decryption({&any_use, 1}).empty()) << "it does not say that it is for encryption";
    CertificateReport garbage = report(test::KeyType::rsa_2048, "03");
    garbage.der = "garbage";
    EXPECT_TRUE(ask_for_decryption({&garbage, 1}).empty());
}

TEST(DecryptionSample, ThePlaintextOrNot) {
    const std::vector<DecryptionQuestion> questions{{"01", "plain", "cipher"}};
    EXPECT_EQ(judge(questions, {one(0, "plain")}).good, 1U);
    EXPECT_EQ(judge(questions, {one(0, "plaiN")}).wrong, 1U);
    EXPECT_EQ(judge(questions, {one(0, "", "C_Decrypt: CKR_ENCRYPTED_DATA_INVALID")}).wrong, 1U);
}

/// A call that failed says nothing of what the key would have read.
TEST(DecryptionSample, AFailedCallIsNoWrongAnswer) {
    const std::vector<DecryptionQuestion> questions{{"01", "plain", "cipher"}};
    for (const char* failed : {"C_DecryptInit: CKR_MECHANISM_INVALID", "C_Decrypt: CKR_DEVICE_ERROR"}) {
        const DecryptionVerdict verdict = judge(questions, {one(0, "", failed)});
        EXPECT_EQ(verdict.good + verdict.wrong, 0U) << failed;
    }
}

TEST(DecryptionSample, AfterARenewalOneOfTwoIsEnough) {
    const std::vector<DecryptionQuestion> questions{{"01", "old", "cipher"}, {"01", "new", "cipher"}};
    const DecryptionVerdict verdict =
        judge(questions, {one(0, "", "C_Decrypt: CKR_ENCRYPTED_DATA_INVALID"), one(1, "new")});
    EXPECT_EQ(verdict.good, 1U);
    EXPECT_EQ(verdict.wrong, 0U);
    EXPECT_EQ(judge(questions, {one(0, "x"), one(1, "y")}).wrong, 1U) << "one key, not two";
}

TEST(DecryptionSample, AnswersOfAnotherShapeCountNowhere) {
    const std::vector<DecryptionQuestion> questions{{"01", "plain", "cipher"}};
    const auto counts = [](const DecryptionVerdict& verdict) { return verdict.good + verdict.wrong; };
    EXPECT_EQ(counts(judge_decryptions(questions, {})), 0U) << "of an older ukey-probe";
    EXPECT_EQ(counts(judge_decryptions(questions, {{"decryptions", 1}})), 0U);
    EXPECT_EQ(counts(judge(questions, {one(1, "plain"), boost::json::value(1), boost::json::object()})), 0U);
    EXPECT_EQ(counts(judge(questions, {boost::json::object{{"number", -1}}})), 0U);
}

} // namespace
} // namespace ukey
