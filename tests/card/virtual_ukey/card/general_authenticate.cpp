// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/general_authenticate.hpp"

#include "tests/card/virtual_ukey/card/tlv.hpp"

namespace ukey::virtual_card {

namespace {

/// Tags of SP 800-73-4 part 2, table 7.
constexpr std::uint32_t tag_template = 0x7c;
constexpr std::uint32_t tag_challenge = 0x81;
constexpr std::uint32_t tag_response = 0x82;
constexpr std::uint32_t tag_exponentiation = 0x85;

/// Algorithm identifiers of SP 800-78-4, table 6-2.
std::uint8_t algorithm_identifier(KeyAlgorithm algorithm) {
    switch (algorithm) {
    case KeyAlgorithm::rsa_2048:
        return 0x07;
    case KeyAlgorithm::p_256:
        return 0x11;
    }
    return 0x00;
}

std::optional<Bytes> use(const PrivateKey& key, const std::vector<Element>& request) {
    if (const auto point = find_element(request, tag_exponentiation))
        return key.ecdh(*point);
    const auto challenge = find_element(request, tag_challenge);
    if (!challenge)
        return std::nullopt;
    return key.algorithm() == KeyAlgorithm::rsa_2048 ? key.rsa_private_operation(*challenge)
                                                     : key.ecdsa_sign(*challenge);
}

} // namespace

Response general_authenticate(const Command& command, const PrivateKey& key) {
    if (command.p1 != algorithm_identifier(key.algorithm()))
        return Status::wrong_parameters;
    const auto outer = parse_tlv(command.data);
    const auto content = outer ? find_element(*outer, tag_template) : std::nullopt;
    const auto request = content ? parse_tlv(*content) : std::nullopt;
    if (!request)
        return Status::wrong_data;
    const auto result = use(key, *request);
    if (!result)
        return Status::wrong_data;
    return {encode_tlv(tag_template, encode_tlv(tag_response, *result)), Status::ok};
}

} // namespace ukey::virtual_card
