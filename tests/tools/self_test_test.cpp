// SPDX-License-Identifier: Apache-2.0
// What a probe's answer means for the innermost layer.
#include "tools/diagnosis/self_test.hpp"

#include <gtest/gtest.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/certificate.hpp"
#include "tests/support/test_certificate.hpp"

namespace ukey::ctl {
namespace {

const Timestamp now = parse_timestamp("2026-04-01T00:00:00Z").value();

test::TestCertificate rsa_certificate() {
    test::CertificateRequest request;
    request.key_type = test::KeyType::rsa_2048;
    return test::TestCertificate::self_signed(request, now);
}

boost::json::object failed(const std::string& object, const std::string& rv) {
    return {{"done", false}, {"code", "pkcs11.call_failed"}, {"object", object}, {"reason", rv}, {"rv", rv}};
}

/// `text` signed in place of random bytes.
boost::json::object answer(const test::TestCertificate& key, const std::string& text,
                           boost::json::array decryptions = {}) {
    return {
        {"done", true},
        {"certificates", boost::json::array{base64_encode(key.der())}},
        {"key_type", "rsa"},
        {"signatures", boost::json::array{boost::json::object{{"digest", base64_encode(sha256(text))},
                                                              {"signature", base64_encode(key.sign("text"))},
                                                              {"took_us", 40'000}}}},
        {"stopped", ""},
        {"decryptions", std::move(decryptions)}};
}

boost::json::object decryption(const std::string& plaintext, const std::string& failed = "") {
    return {{"number", 0}, {"plaintext", base64_encode(plaintext)}, {"failed", failed}};
}

const std::vector<DecryptionQuestion> question{{"01", "plain", "cipher"}};

std::pair<CheckState, std::string> judged(const boost::json::object& answer) {
    const Check check = judge_self_test(answer, question, "0a1b2c3d4e5f");
    return {check.state, code_of(check)};
}

TEST(SelfTest, SignaturesDecide) {
    const auto key = rsa_certificate();
    EXPECT_EQ(judged(answer(key, "text")), std::pair(CheckState::ok, std::string()));
    EXPECT_EQ(judged(answer(key, "other")),
              std::pair(CheckState::failed, std::string("self_test.wrong_signature")));
}

TEST(SelfTest, ThenWhatItDecrypts) {
    const auto key = rsa_certificate();
    const auto with = [&](boost::json::object one, const std::string& text = "text") {
        return judged(answer(key, text, {std::move(one)}));
    };
    EXPECT_EQ(with(decryption("plain")), std::pair(CheckState::ok, std::string()));
    EXPECT_EQ(with(decryption("plaiN")),
              std::pair(CheckState::failed, std::string("self_test.wrong_decryption")));
    for (const char* cannot : {"C_DecryptInit: CKR_MECHANISM_INVALID", "C_Login: CKR_GENERAL_ERROR",
                               "C_Decrypt: CKR_FUNCTION_NOT_SUPPORTED", "C_Decrypt: CKR_DEVICE_ERROR"}) {
        EXPECT_EQ(with(decryption("", cannot)), std::pair(CheckState::ok, std::string())) << cannot;
    }
    EXPECT_EQ(with(decryption("plaiN"), "other").second, "self_test.wrong_signature")
        << "the worse comes first";
}

TEST(SelfTest, ACallThatFailedIsTheChipsWordOrNobodys) {
    EXPECT_EQ(judged(failed("C_Sign", "CKR_DEVICE_ERROR")).second, "self_test.failed");
    EXPECT_EQ(judged(failed("C_Sign", "CKR_DEVICE_REMOVED")).second, "self_test.unknown");
    EXPECT_EQ(judged(failed("C_Login", "CKR_DEVICE_ERROR")).second, "self_test.unknown");
    EXPECT_EQ(judged(failed("C_Login", "CKR_PIN_INCORRECT")).second, "self_test.pin_incorrect");
    EXPECT_EQ(judged(failed("C_Login", "CKR_PIN_LOCKED")).second, "pin.locked");
    EXPECT_EQ(judged({{"done", true}}).second, "self_test.unknown");
}

TEST(SelfTest, AKindThatCannotBeTestedIsNoFault) {
    const boost::json::object unsupported{{"done", false},
                                          {"code", "self_test.unsupported"},
                                          {"object", "key type"},
                                          {"reason", "gost"},
                                          {"rv", nullptr}};
    EXPECT_EQ(judged(unsupported), std::pair(CheckState::warning, std::string("self_test.unsupported")));
}

} // namespace
} // namespace ukey::ctl
