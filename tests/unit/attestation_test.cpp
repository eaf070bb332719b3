// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/attestation.hpp"

#include <gtest/gtest.h>

#include "daemon/core/certificate.hpp"
#include "tests/support/test_certificate.hpp"

namespace ukey {
namespace {

const Timestamp moment = parse_timestamp("2026-11-24T08:00:00Z").value();

test::TestCertificate make_certificate(test::KeyType type) {
    test::CertificateRequest request;
    request.common_name = "测试党支部";
    request.key_type = type;
    return test::TestCertificate::self_signed(request, moment);
}

LoginRecord record_for(const test::TestCertificate& certificate) {
    return {.nonce = std::string(64, '1'),
            .ledger_seq = 7,
            .ledger_head = std::string(64, '2'),
            .key_id = "0123456789ab",
            .manufacturer = "测试",
            .model = "m",
            .serial = "s 1",
            .public_key = parse_certificate(certificate.der(), {}).value().spki_sha256,
            .organisation = "500102000001",
            .uid = 1000,
            .asked_at = "2026-11-24T08:00:00.000000Z",
            .login = std::string(32, '3'),
            .started_at = "2026-11-24T08:00:01.000000Z"};
}

Attestation attest(const test::TestCertificate& certificate, const std::string& scheme) {
    Attestation attestation{.record = record_for(certificate),
                            .scheme = scheme,
                            .signature = {},
                            .certificate_der = certificate.der(),
                            .duration = std::chrono::milliseconds(40)};
    attestation.signature = certificate.sign(to_text(attestation.record), scheme == "rsa_pss_sha256");
    return attestation;
}

std::string why_not(const Attestation& attestation) {
    const auto verified = verify(attestation);
    return verified ? "" : verified.error().reason;
}

TEST(LoginRecord, ItsTextIsTheDocumentedOne) {
    const auto certificate = make_certificate(test::KeyType::p_256);
    LoginRecord record = record_for(certificate);
    record.public_key = std::string(64, '4');
    EXPECT_EQ(to_text(record),
              "ukey-login-v1\n"
              "nonce: 1111111111111111111111111111111111111111111111111111111111111111\n"
              "ledger: 7 2222222222222222222222222222222222222222222222222222222222222222\n"
              "key: 0123456789ab\n"
              "manufacturer: 测试\n"
              "model: m\n"
              "serial: s 1\n"
              "public_key: 4444444444444444444444444444444444444444444444444444444444444444\n"
              "organisation: 500102000001\n"
              "uid: 1000\n"
              "asked_at: 2026-11-24T08:00:00.000000Z\n"
              "login: 33333333333333333333333333333333\n"
              "started_at: 2026-11-24T08:00:01.000000Z\n");
}

TEST(Attestation, HoldsForEachScheme) {
    const auto rsa = make_certificate(test::KeyType::rsa_2048);
    EXPECT_EQ(why_not(attest(rsa, "rsa_pkcs1_sha256")), "");
    EXPECT_EQ(why_not(attest(rsa, "rsa_pss_sha256")), "");
    EXPECT_EQ(why_not(attest(make_certificate(test::KeyType::p_256), "ecdsa_sha256")), "");
}

TEST(Attestation, OneVerifierChecksManyOfManyKeys) {
    const auto rsa = make_certificate(test::KeyType::rsa_2048);
    const auto ec = make_certificate(test::KeyType::p_256);
    Attestation changed = attest(ec, "ecdsa_sha256");
    changed.record.uid = 1001;
    Attestation garbage = attest(ec, "ecdsa_sha256");
    garbage.certificate_der = "no certificate";
    Attestation exchanged = attest(ec, "ecdsa_sha256");
    exchanged.certificate_der = rsa.der();
    Attestation other_scheme = attest(rsa, "rsa_pkcs1_sha256");
    other_scheme.scheme = "rsa_pss_sha256";
    Attestation cut = attest(rsa, "rsa_pkcs1_sha256");
    cut.signature.pop_back();
    AttestationVerifier verifier;
    for (int round = 0; round < 2; ++round) { // in the second one everything is known
        EXPECT_TRUE(verifier.verify(attest(rsa, "rsa_pkcs1_sha256")));
        EXPECT_TRUE(verifier.verify(attest(rsa, "rsa_pss_sha256")));
        EXPECT_EQ(verifier.verify(other_scheme).error().reason, "wrong_signature");
        EXPECT_EQ(verifier.verify(cut).error().reason, "wrong_signature");
        EXPECT_TRUE(verifier.verify(attest(ec, "ecdsa_sha256")));
        EXPECT_EQ(verifier.verify(changed).error().reason, "wrong_signature");
        EXPECT_EQ(verifier.verify(garbage).error().reason, "unusable_certificate");
        EXPECT_EQ(verifier.verify(exchanged).error().reason, "other_key");
    }
}

TEST(Attestation, EveryMemberOfTheRecordIsSigned) {
    const Attestation good = attest(make_certificate(test::KeyType::p_256), "ecdsa_sha256");
    const std::vector<std::string LoginRecord::*> texts{
        &LoginRecord::nonce, &LoginRecord::ledger_head, &LoginRecord::key_id,   &LoginRecord::manufacturer,
        &LoginRecord::model, &LoginRecord::serial,      &LoginRecord::asked_at, &LoginRecord::organisation,
        &LoginRecord::login, &LoginRecord::started_at};
    for (const auto member : texts) {
        Attestation changed = good;
        (changed.record.*member).back() ^= 1;
        EXPECT_EQ(why_not(changed), "wrong_signature") << changed.record.*member;
    }
    Attestation changed = good;
    ++changed.record.ledger_seq;
    EXPECT_EQ(why_not(changed), "wrong_signature");
    changed = good;
    changed.record.uid = 0;
    EXPECT_EQ(why_not(changed), "wrong_signature");
}

TEST(Attestation, LoginThatBeganBeforeTheQuestionDoesNotHold) {
    const auto certificate = make_certificate(test::KeyType::p_256);
    Attestation attestation = attest(certificate, "ecdsa_sha256");
    attestation.record.started_at = "2025-11-24T08:00:01.000000Z";
    attestation.signature = certificate.sign(to_text(attestation.record));
    EXPECT_EQ(why_not(attestation), "wrong_time");
}

TEST(Attestation, WhatDoesNotHoldIsSaid) {
    const auto certificate = make_certificate(test::KeyType::p_256);
    const Attestation good = attest(certificate, "ecdsa_sha256");

    Attestation changed = good;
    changed.record.public_key.back() ^= 1;
    EXPECT_EQ(why_not(changed), "other_key");

    changed = good;
    changed.certificate_der = make_certificate(test::KeyType::p_256).der();
    EXPECT_EQ(why_not(changed), "other_key") << "another key's certificate";

    changed = good;
    changed.certificate_der.clear();
    EXPECT_EQ(why_not(changed), "unusable_certificate");

    changed = good;
    changed.scheme = "none";
    EXPECT_EQ(why_not(changed), "unknown_scheme");

    changed = good;
    changed.scheme = "rsa_pkcs1_sha256";
    EXPECT_EQ(why_not(changed), "wrong_signature") << "a scheme of another type of key";

    changed = good;
    changed.signature =
        certificate.sign("other-protocol-v1\n" + to_text(good.record).substr(login_record_prefix.size()));
    EXPECT_EQ(why_not(changed), "wrong_signature") << "over another prefix";

    for (const std::string& signature : {std::string(), std::string(1, 'x'), std::string(64, '\0'),
                                         std::string(64, '\xFF'), std::string(10'000, 'x')}) {
        changed.signature = signature;
        EXPECT_EQ(why_not(changed), "wrong_signature") << signature.size();
    }
}

TEST(Attestation, ValuesCannotPassForLines) {
    const auto certificate = make_certificate(test::KeyType::p_256);
    Attestation attestation = attest(certificate, "ecdsa_sha256");
    attestation.record.serial = "s 1\norganisation: 500102000002";
    attestation.signature = certificate.sign(to_text(attestation.record));
    EXPECT_EQ(why_not(attestation), "ambiguous_record");
    attestation.record.serial = std::string(300, 's');
    attestation.signature = certificate.sign(to_text(attestation.record));
    EXPECT_EQ(why_not(attestation), "ambiguous_record");
}

/// What a record `session.started` says beside the attestation.
boost::json::object payload_of(const Attestation& attestation) {
    return {{"login", attestation.record.login},
            {"key", attestation.record.key_id},
            {"organisation", attestation.record.organisation},
            {"uid", attestation.record.uid},
            {"attestation", to_json(attestation)}};
}

TEST(Attestation, SurvivesTheLedger) {
    const Attestation good = attest(make_certificate(test::KeyType::rsa_2048), "rsa_pkcs1_sha256");
    const auto read = decode_attestation(payload_of(good));
    ASSERT_TRUE(read) << to_string(read.error());
    EXPECT_EQ(to_text(read->record), to_text(good.record));
    EXPECT_EQ(read->duration, good.duration);
    EXPECT_EQ(why_not(*read), "");
}

TEST(Attestation, IncompleteOnesAreNone) {
    const boost::json::object whole =
        payload_of(attest(make_certificate(test::KeyType::p_256), "ecdsa_sha256"));
    for (const auto& [name, value] : whole) {
        boost::json::object payload = whole;
        payload.erase(name);
        EXPECT_FALSE(decode_attestation(payload)) << name;
    }
    for (const auto& [name, value] : whole.at("attestation").as_object()) {
        boost::json::object payload = whole;
        payload.at("attestation").as_object().erase(name);
        EXPECT_FALSE(decode_attestation(payload)) << name;
        payload = whole;
        payload.at("attestation").as_object()[name] = boost::json::array();
        EXPECT_FALSE(decode_attestation(payload)) << name;
    }
}

} // namespace
} // namespace ukey
