// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "tests/card/virtual_ukey/card/pem_file.hpp"
#include "tests/card/virtual_ukey/card/tlv.hpp"
#include "tests/card/virtual_ukey/test/card_fixture.hpp"

namespace ukey::virtual_card {
namespace {

const std::string get_certificate = "00CB3FFF 05 5C03 5FC105 00";

class PivCardTest : public CardTest {
  protected:
    void SetUp() override {
        CardTest::SetUp();
        make_card(KeyAlgorithm::p_256);
    }

    Bytes certificate_on_card() {
        const Bytes object = fetch(send(get_certificate));
        const auto outer = parse_tlv(object);
        const auto content = outer ? find_element(*outer, 0x53) : std::nullopt;
        const auto inner = content ? parse_tlv(*content) : std::nullopt;
        const auto certificate = inner ? find_element(*inner, 0x70) : std::nullopt;
        return certificate ? Bytes(certificate->begin(), certificate->end()) : Bytes{};
    }
};

TEST_F(PivCardTest, answer_to_reset_has_a_right_check_byte) {
    const Bytes answer = card_->atr();
    std::uint8_t sum = 0;
    for (const std::uint8_t byte : ByteView(answer).subspan(1))
        sum = static_cast<std::uint8_t>(sum ^ byte);
    EXPECT_EQ(sum, 0);
}

TEST_F(PivCardTest, other_applications_are_not_found_and_change_nothing) {
    verify("123456");
    EXPECT_EQ(send("00A40400 07 A0000000041010 00"), "6a82");
    EXPECT_EQ(send("00A40400 05 A000000308 00"), "6a82");
    EXPECT_TRUE(card_->pin_verified());
}

TEST_F(PivCardTest, nothing_works_before_selection) {
    card_->power_on();
    EXPECT_EQ(send(get_certificate), "6d00");
    EXPECT_EQ(verify("123456"), "6d00");
}

TEST_F(PivCardTest, discovery_object_comes_without_a_wrapper) {
    EXPECT_EQ(send("00CB3FFF 03 5C017E 00"), "7e124f0ba00000030800001000010"
                                             "05f2f0240009000");
}

TEST_F(PivCardTest, identifier_holds_the_guid_of_this_card) {
    const std::string identifier = send("00CB3FFF 05 5C03 5FC102 00");
    EXPECT_NE(identifier.find("3410" + to_hex(card_->state().guid)), std::string::npos);
}

TEST_F(PivCardTest, certificate_is_fetched_in_parts) {
    EXPECT_EQ(send(get_certificate).substr(512, 2), "61");
    const Bytes der = certificate_on_card();
    const unsigned char* cursor = der.data();
    const CertificateHandle certificate(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
    ASSERT_TRUE(certificate);
    const auto issued = read_certificate(folder_ / "card" / "9a.pem");
    ASSERT_TRUE(issued);
    EXPECT_EQ(X509_cmp(certificate.get(), issued->get()), 0);
}

TEST_F(PivCardTest, certificate_comes_at_once_with_extended_length) {
    const std::string whole = send("00CB3FFF 000005 5C03 5FC105 0000");
    EXPECT_TRUE(whole.ends_with("9000"));
    EXPECT_EQ(from_hex(whole.substr(0, whole.size() - 4)), fetch(send(get_certificate)));
}

TEST_F(PivCardTest, without_le_the_answer_waits_for_get_response) {
    const std::string first = send("00CB3FFF 03 5C017E");
    EXPECT_EQ(first, "6114");
    EXPECT_TRUE(send("00C0000014").ends_with("9000"));
    EXPECT_EQ(send("00C0000014"), "6985");
}

TEST_F(PivCardTest, signing_needs_the_pin_and_verifies) {
    EXPECT_TRUE(sign_p256().empty());
    EXPECT_EQ(card_->state().counters.sign_count, 0U);
    verify("123456");
    EXPECT_TRUE(verifies_p256(sign_p256()));
    EXPECT_EQ(card_->state().counters.sign_count, 1U);
}

TEST_F(PivCardTest, wrong_algorithm_key_or_template_is_refused) {
    verify("123456");
    EXPECT_EQ(send("0087079A 06 7C04 82008100 00"), "6a86");
    EXPECT_EQ(send("0087119C 06 7C04 82008100 00"), "6a86");
    EXPECT_EQ(send("0087119A 06 7C04 82008100 00"), "6a80");
    EXPECT_EQ(send("0087119A 02 7C7F 00"), "6a80");
    EXPECT_EQ(send("0087119A 05 7C03 850104 00"), "6a80");
}

TEST_F(PivCardTest, wrong_signature_fault) {
    verify("123456");
    ASSERT_TRUE(card_->set_fault(Fault::wrong_signature, {}));
    const Bytes signature = sign_p256();
    EXPECT_FALSE(signature.empty());
    EXPECT_FALSE(verifies_p256(signature));
}

TEST_F(PivCardTest, mismatched_key_fault) {
    verify("123456");
    ASSERT_TRUE(card_->set_fault(Fault::mismatched_key, {}));
    const Bytes signature = sign_p256();
    EXPECT_FALSE(signature.empty());
    EXPECT_FALSE(verifies_p256(signature));
    ASSERT_TRUE(card_->set_fault(Fault::none, {}));
    EXPECT_TRUE(verifies_p256(sign_p256()));
}

TEST_F(PivCardTest, certificate_faults) {
    ASSERT_TRUE(card_->set_fault(Fault::missing_certificate, {}));
    EXPECT_EQ(send(get_certificate), "6a82");
    ASSERT_TRUE(card_->set_fault(Fault::garbage_certificate, {}));
    const Bytes garbage = certificate_on_card();
    const unsigned char* cursor = garbage.data();
    EXPECT_FALSE(garbage.empty());
    EXPECT_EQ(CertificateHandle(d2i_X509(nullptr, &cursor, static_cast<long>(garbage.size()))), nullptr);
}

TEST_F(PivCardTest, remove_during_sign_fault_gives_no_answer) {
    verify("123456");
    ASSERT_TRUE(card_->set_fault(Fault::remove_during_sign, {}));
    const Answer answer = card_->transmit(from_hex("0087119A067C048200810000").value());
    EXPECT_TRUE(answer.pulled_out);
}

TEST_F(PivCardTest, mute_and_slow_faults) {
    ASSERT_TRUE(card_->set_fault(Fault::slow, std::chrono::milliseconds(7)));
    EXPECT_EQ(card_->transmit(from_hex("00200080").value()).delay, std::chrono::milliseconds(7));
    ASSERT_TRUE(card_->set_fault(Fault::mute, {}));
    EXPECT_EQ(card_->atr().size(), 34U);
    EXPECT_EQ(send("00200080"), "");
}

TEST_F(PivCardTest, reload_takes_a_reissued_certificate) {
    const Bytes before = certificate_on_card();
    const auto authority = CertificateAuthority::open(folder_ / "ca");
    ASSERT_TRUE(authority);
    IssueRequest request;
    request.subject.name = "中共某某乡总支部委员会";
    request.algorithm = KeyAlgorithm::p_256;
    ASSERT_TRUE(issue_card(*authority, folder_ / "card", request));
    EXPECT_EQ(certificate_on_card(), before);
    ASSERT_TRUE(card_->reload());
    EXPECT_NE(certificate_on_card(), before);
    verify("123456");
    EXPECT_TRUE(verifies_p256(sign_p256()));
}

TEST_F(PivCardTest, chains_are_joined_and_broken_chains_dropped) {
    EXPECT_EQ(send("10CB3FFF 02 5C03"), "9000");
    EXPECT_EQ(send("00CB3FFF 03 5FC105 00").substr(512, 2), "61");
    EXPECT_EQ(send("10CB3FFF 02 5C03"), "9000");
    EXPECT_EQ(send("00200080"), "63c3");
    EXPECT_EQ(send("00CB3FFF 03 5FC105 00"), "6a80");
    EXPECT_EQ(send("10CB3FFF 02 5C03"), "9000");
    EXPECT_EQ(send("10200080 02 3132"), "6883");
}

TEST_F(PivCardTest, endless_chain_is_cut_off) {
    const std::string part = "1087119A FF" + std::string(510, '0');
    std::string answer;
    for (int i = 0; i < 40 && answer != "6700"; ++i)
        answer = send(part);
    EXPECT_EQ(answer, "6700");
}

TEST_F(PivCardTest, malformed_commands_get_a_status_word) {
    for (const char* apdu : {"", "00", "00A404", "00A4040005A0", "00A40400000000", "00A4040000000501",
                             "00CB3FFF00FFFF5C", "80200080", "0C200080", "01200080"}) {
        const std::string answer = send(apdu);
        EXPECT_EQ(answer.size(), 4U) << apdu;
        EXPECT_EQ(answer[0], '6') << apdu;
    }
}

TEST_F(PivCardTest, random_commands_always_get_a_status_word) {
    constexpr unsigned seed = 20130401;
    std::mt19937 random(seed);
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const std::uint8_t instructions[] = {0xa4, 0xcb, 0x87, 0xc0, 0x20, 0x2c, 0x47};
    for (int i = 0; i < 3000; ++i) {
        Bytes apdu(random() % 40);
        for (std::uint8_t& byte : apdu)
            byte = static_cast<std::uint8_t>(random());
        if (apdu.size() > 4) {
            apdu[0] = static_cast<std::uint8_t>(random() % 2 == 0 ? 0x00 : 0x10);
            apdu[1] = instructions[random() % std::size(instructions)];
            apdu[4] = static_cast<std::uint8_t>(apdu.size() - 5);
        }
        EXPECT_GE(card_->transmit(apdu).response.size(), 2U) << to_hex(apdu);
    }
}

class RsaCardTest : public CardTest {};

TEST_F(RsaCardTest, raw_rsa_over_a_chain_is_inverted_by_the_public_key) {
    make_card(KeyAlgorithm::rsa_2048);
    verify("123456");
    Bytes block(256, 0x11);
    block[0] = 0x00;
    Bytes request = encode_tlv(0x82, {});
    append(request, encode_tlv(0x81, block));
    const std::string data = to_hex(encode_tlv(0x7c, request));
    ASSERT_EQ(send("1087079A FF" + data.substr(0, 510)), "9000");
    const Bytes answer = fetch(send("0087079A 0B" + data.substr(510) + "00"));
    ASSERT_EQ(answer.size(), 264U);
    const auto certificate = read_certificate(folder_ / "card" / "9a.pem");
    ASSERT_TRUE(certificate);
    const EVP_PKEY* key = X509_get0_pubkey(certificate->get());
    const KeyContextHandle context(EVP_PKEY_CTX_new(const_cast<EVP_PKEY*>(key), nullptr));
    Bytes recovered(256);
    std::size_t size = recovered.size();
    ASSERT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_ctrl_str(context.get(), "rsa_padding_mode", "none"), 1);
    ASSERT_EQ(EVP_PKEY_encrypt(context.get(), recovered.data(), &size, answer.data() + 8, 256), 1);
    EXPECT_EQ(recovered, block);
}

} // namespace
} // namespace ukey::virtual_card
