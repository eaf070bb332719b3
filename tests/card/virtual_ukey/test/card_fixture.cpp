// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/test/card_fixture.hpp"

#include <cstdlib>

#include <fmt/core.h>

#include "tests/card/virtual_ukey/card/pem_file.hpp"
#include "tests/card/virtual_ukey/card/tlv.hpp"

namespace ukey::virtual_card {

namespace fs = std::filesystem;

void CardTest::SetUp() {
    std::string pattern = (fs::temp_directory_path() / "virtual_ukey_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
}

void CardTest::TearDown() {
    card_.reset();
    fs::remove_all(folder_);
}

void CardTest::make_card(KeyAlgorithm algorithm, unsigned tries) {
    auto authority = CertificateAuthority::create(folder_ / "ca", "测试党建CA", KeyAlgorithm::p_256);
    ASSERT_TRUE(authority) << authority.error().reason;
    IssueRequest request;
    request.subject.name = "中共重庆市涪陵区某某支部委员会";
    request.subject.code = "500102000001";
    request.algorithm = algorithm;
    request.pin_tries = tries;
    const auto issued = issue_card(*authority, folder_ / "card", request);
    ASSERT_TRUE(issued) << issued.error().reason;
    reopen();
}

void CardTest::reopen() {
    card_.reset();
    auto opened = PivCard::open(folder_ / "card");
    ASSERT_TRUE(opened) << opened.error().reason;
    card_ = std::move(*opened);
    card_->power_on();
    ASSERT_TRUE(send(select_piv).ends_with("9000"));
}

std::string CardTest::send(const std::string& apdu) {
    std::string compact = apdu;
    std::erase(compact, ' ');
    const auto bytes = from_hex(compact);
    EXPECT_TRUE(bytes) << apdu;
    return bytes ? to_hex(card_->transmit(*bytes).response) : "";
}

std::string CardTest::verify(const std::string& pin) {
    Bytes padded = to_bytes(pin);
    padded.resize(reference_size_bytes, 0xff);
    return send("00200080 08" + to_hex(padded));
}

Bytes CardTest::fetch(const std::string& first_answer) {
    std::string answer = first_answer;
    Bytes all;
    while (answer.size() >= 4) {
        append(all, from_hex(answer.substr(0, answer.size() - 4)).value());
        const std::string status = answer.substr(answer.size() - 4);
        if (!status.starts_with("61"))
            break;
        answer = send("00C00000" + status.substr(2));
    }
    return all;
}

Bytes CardTest::sign_p256() {
    const Bytes digest(32, 0x5a);
    Bytes request = encode_tlv(0x82, {});
    append(request, encode_tlv(0x81, digest));
    const Bytes data = encode_tlv(0x7c, request);
    const std::string answer = send("0087119A" + fmt::format("{:02x}", data.size()) + to_hex(data) + "00");
    if (!answer.ends_with("9000"))
        return {};
    const Bytes content = fetch(answer);
    const auto outer = parse_tlv(content);
    const auto inner = outer ? parse_tlv(find_element(*outer, 0x7c).value()) : std::nullopt;
    if (!inner)
        return {};
    const ByteView signature = find_element(*inner, 0x82).value();
    return {signature.begin(), signature.end()};
}

bool CardTest::verifies_p256(const Bytes& signature) const {
    const auto certificate = read_certificate(folder_ / "card" / "9a.pem");
    if (!certificate)
        return false;
    const Bytes digest(32, 0x5a);
    const KeyContextHandle context(EVP_PKEY_CTX_new(X509_get0_pubkey(certificate->get()), nullptr));
    return EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()) ==
               1;
}

} // namespace ukey::virtual_card
