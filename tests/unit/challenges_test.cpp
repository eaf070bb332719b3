// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/challenges.hpp"

#include <gtest/gtest.h>

#include "tests/support/test_certificate.hpp"

namespace ukey {
namespace {

using namespace std::chrono_literals;

const Timestamp moment = parse_timestamp("2026-11-24T08:00:00Z").value();

class ChallengesTest : public ::testing::Test {
  protected:
    ChallengesTest() {
        key_.key_id = "0123456789ab";
        key_.certificates.signing = parse_certificate(certificate_.der(), {}).value();
    }

    Challenges::Challenge challenge() const {
        return {.record = {.nonce = make_nonce(),
                           .ledger_seq = 1,
                           .ledger_head = std::string(64, '0'),
                           .key_id = key_.key_id,
                           .manufacturer = "m",
                           .model = "o",
                           .serial = "s",
                           .public_key = key_.certificates.signing->spki_sha256,
                           .organisation = "1",
                           .uid = 7,
                           .asked_at = format_timestamp(moment),
                           .login = {},
                           .started_at = {}},
                .executable = "/usr/bin/browser",
                .certificate_der = certificate_.der(),
                .uptime = 100s};
    }

    /// As an honest filter answers.
    ResultMessage answer_to(const Challenges::Challenge& challenge) const {
        ResultMessage message;
        message.login = std::string(32, 'a');
        message.started = moment + 1s;
        message.claim.executable = challenge.executable;
        LoginRecord record = challenge.record;
        record.login = message.login;
        record.started_at = format_timestamp(message.started);
        message.attestation = AttestationReply{.nonce = record.nonce,
                                               .absent = {},
                                               .scheme = "ecdsa_sha256",
                                               .signature = certificate_.sign(to_text(record)),
                                               .duration_us = 1500};
        return message;
    }

    LoginSession judged(const ResultMessage& message, std::chrono::microseconds uptime = 101s) {
        LoginSession session;
        challenges_.judge(session, message, &key_, {moment + (uptime - 100s), uptime});
        return session;
    }

    /// The key signs what the process says, whenever the login is said to have begun.
    ResultMessage answer_begun_at(const Challenges::Challenge& challenge, Timestamp started) const {
        ResultMessage message = answer_to(challenge);
        message.started = started;
        LoginRecord record = challenge.record;
        record.login = message.login;
        record.started_at = format_timestamp(started);
        message.attestation->signature = certificate_.sign(to_text(record));
        return message;
    }

    static std::string refused(const LoginSession& session) {
        EXPECT_EQ(session.grade, EvidenceGrade::observed);
        const boost::json::value* reason = session.attestation.if_contains("refused");
        return reason == nullptr ? "" : std::string(reason->get_string());
    }

    test::TestCertificate certificate_ =
        test::TestCertificate::self_signed(test::CertificateRequest(), moment);
    PresentKey key_;
    Configuration configuration_;
    Challenges challenges_;
};

TEST_F(ChallengesTest, HonestAnswerIsAttested) {
    const auto challenge = this->challenge();
    challenges_.issue(challenge);
    const LoginSession session = judged(answer_to(challenge));
    EXPECT_EQ(session.grade, EvidenceGrade::attested);
    EXPECT_EQ(session.attestation.at("duration_us"), 1500);
}

TEST_F(ChallengesTest, NonceIsGoodOnceAndNotForLong) {
    const auto challenge = this->challenge();
    const ResultMessage answer = answer_to(challenge);
    EXPECT_EQ(refused(judged(answer)), "unknown_nonce") << "never given";
    challenges_.issue(challenge);
    EXPECT_EQ(judged(answer).grade, EvidenceGrade::attested);
    EXPECT_EQ(refused(judged(answer)), "unknown_nonce") << "used up";
    challenges_.issue(challenge);
    EXPECT_EQ(refused(judged(answer, 100s + 6min)), "unknown_nonce") << "too old";
    challenges_.issue(challenge);
    for (int more = 0; more < 16; ++more) {
        challenges_.issue(this->challenge());
    }
    EXPECT_EQ(refused(judged(answer)), "unknown_nonce") << "one process has so many questions open, no more";
}

TEST_F(ChallengesTest, WrongAnswersAreRefusedAndUseTheNonceUp) {
    const auto challenge = this->challenge();
    const ResultMessage honest = answer_to(challenge);
    ResultMessage answer = honest;
    answer.attestation->signature.back() ^= 1;
    challenges_.issue(challenge);
    EXPECT_EQ(refused(judged(answer)), "wrong_signature");
    EXPECT_EQ(refused(judged(honest)), "unknown_nonce");

    answer = honest;
    answer.login.back() = 'b';
    challenges_.issue(challenge);
    EXPECT_EQ(refused(judged(answer)), "wrong_signature") << "another login's signature";

    answer = honest;
    answer.claim.executable = "/usr/bin/other";
    challenges_.issue(challenge);
    EXPECT_EQ(refused(judged(answer)), "other_program");

    challenges_.issue(challenge);
    LoginSession session;
    challenges_.judge(session, honest, nullptr, {moment + 1s, 101s});
    EXPECT_EQ(refused(session), "key_absent");

    challenges_.issue(challenge);
    PresentKey other = key_;
    other.key_id = "ba9876543210";
    challenges_.judge(session, honest, &other, {moment + 1s, 101s});
    EXPECT_EQ(refused(session), "other_key");
}

TEST_F(ChallengesTest, LoginOfAnotherTimeIsRefused) {
    const auto challenge = this->challenge();
    challenges_.issue(challenge);
    EXPECT_EQ(refused(judged(answer_begun_at(challenge, moment - std::chrono::days(300)))), "wrong_time");
    challenges_.issue(challenge);
    EXPECT_EQ(refused(judged(answer_begun_at(challenge, moment + 1min))), "wrong_time") << "it lies ahead";
    challenges_.issue(challenge);
    EXPECT_EQ(judged(answer_begun_at(challenge, moment - 1s)).grade, EvidenceGrade::attested)
        << "the clock was slewed";
}

TEST_F(ChallengesTest, NonceOfALoginThatCouldNotBeWrittenMayBeAnsweredOnceMore) {
    const auto challenge = this->challenge();
    const ResultMessage answer = answer_to(challenge);
    challenges_.issue(challenge);
    EXPECT_EQ(judged(answer).grade, EvidenceGrade::attested);
    challenges_.settle(answer.login, false);
    EXPECT_EQ(judged(answer).grade, EvidenceGrade::attested);
    challenges_.settle(answer.login, true);
    EXPECT_EQ(refused(judged(answer)), "unknown_nonce");
    challenges_.settle(answer.login, false);
    EXPECT_EQ(refused(judged(answer)), "unknown_nonce") << "it was written";
}

TEST_F(ChallengesTest, KeyIsNoSlowerThanTheServiceHasWaited) {
    const auto challenge = this->challenge();
    ResultMessage answer = answer_to(challenge);
    answer.attestation->duration_us = std::int64_t{1} << 40;
    challenges_.issue(challenge);
    EXPECT_EQ(judged(answer).attestation.at("duration_us"), 1'000'000);
}

TEST_F(ChallengesTest, ReasonOfAnAbsentSignatureIsKept) {
    const auto challenge = this->challenge();
    ResultMessage answer = answer_to(challenge);
    answer.attestation->absent = "no_mechanism";
    challenges_.issue(challenge);
    const LoginSession session = judged(answer);
    EXPECT_EQ(session.grade, EvidenceGrade::observed);
    EXPECT_EQ(session.attestation.at("absent"), "no_mechanism");
}

TEST_F(ChallengesTest, WhoIsNotAsked) {
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment), "");

    key_.certificates.signing->key_usage = {"nonRepudiation"};
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment), "non_repudiation");
    key_.certificates.signing->key_usage = {"digitalSignature", "nonRepudiation"};
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment), "");

    key_.binding.organisation_code = "1";
    key_.binding.pinned_spki_sha256 = std::string(64, 'f');
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment), "rekeyed");
    key_.binding.pinned_spki_sha256 = key_.certificates.signing->spki_sha256;

    key_.token.flags = {"protected_authentication_path"};
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment), "protected_path");
    key_.token.flags.clear();

    key_.last_attestation = LastAttestation{configuration_.attestation_limit + 1us, moment};
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment + std::chrono::days(6)), "slow");
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment + std::chrono::days(8)), "")
        << "another chance";
    key_.last_attestation->duration = configuration_.attestation_limit;
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment), "");

    key_.certificates.signing.reset();
    EXPECT_EQ(obstacle_to_attestation(key_, configuration_, moment), "no_certificate");
}

} // namespace
} // namespace ukey
