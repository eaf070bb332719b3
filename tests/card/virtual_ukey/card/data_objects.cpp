// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/data_objects.hpp"

#include "tests/card/virtual_ukey/card/tlv.hpp"

namespace ukey::virtual_card {

namespace {

/// Tags of SP 800-73-4 part 1, table 3.
enum Tag : std::uint32_t {
    tag_discovery = 0x7e,
    tag_key_management_certificate = 0x5fc10b,
    tag_authentication_certificate = 0x5fc105,
    tag_holder_unique_identifier = 0x5fc102,
    tag_capability_container = 0x5fc107,
};

constexpr std::uint32_t tag_data = 0x53;
constexpr std::uint32_t tag_error_detection = 0xfe;

void append_tlv(Bytes& out, std::uint32_t tag, ByteView value) {
    append(out, encode_tlv(tag, value));
}

/// Discovery object, table 18: the application PIN satisfies the access rules, there is no global PIN.
Bytes discovery() {
    constexpr std::uint8_t pin_usage_policy[] = {0x40, 0x00};
    Bytes content = encode_tlv(0x4f, piv_application);
    append_tlv(content, 0x5f2f, pin_usage_policy);
    return encode_tlv(tag_discovery, content);
}

/// Card holder unique identifier, table 9. The FASC-N is the one for cards that are not federal; the issuer's
/// signature is left empty, nobody here verifies it.
Bytes holder_unique_identifier(const Bytes& guid) {
    constexpr std::uint8_t fasc_n[] = {0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce,
                                       0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10,
                                       0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb};
    Bytes content = encode_tlv(0x30, fasc_n);
    append_tlv(content, 0x34, guid);
    append_tlv(content, 0x35, to_bytes("20491231"));
    append_tlv(content, 0x3e, {});
    append_tlv(content, tag_error_detection, {});
    return encode_tlv(tag_data, content);
}

/// Card capability container, table 8. The card identifier carries the end of the GUID.
Bytes capability_container(const Bytes& guid) {
    Bytes card_identifier{0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02};
    append(card_identifier, ByteView(guid).last(guid_size_bytes - 2));
    constexpr std::uint8_t version[] = {0x21};
    constexpr std::uint8_t no_pkcs15[] = {0x00};
    constexpr std::uint8_t data_model[] = {0x10};
    Bytes content = encode_tlv(0xf0, card_identifier);
    append_tlv(content, 0xf1, version);
    append_tlv(content, 0xf2, version);
    append_tlv(content, 0xf3, {});
    append_tlv(content, 0xf4, no_pkcs15);
    append_tlv(content, 0xf5, data_model);
    for (const std::uint32_t empty : {0xf6U, 0xf7U, 0xfaU, 0xfbU, 0xfcU, 0xfdU, tag_error_detection})
        append_tlv(content, empty, {});
    return encode_tlv(tag_data, content);
}

/// A certificate object, table 10: not compressed.
Bytes certificate_object(ByteView certificate) {
    constexpr std::uint8_t uncompressed[] = {0x00};
    Bytes content = encode_tlv(0x70, certificate);
    append_tlv(content, 0x71, uncompressed);
    append_tlv(content, tag_error_detection, {});
    return encode_tlv(tag_data, content);
}

/// Looks like nothing: neither DER nor a compressed certificate, and always the same.
Bytes garbage() {
    Bytes bytes;
    for (unsigned i = 0; i < 700; ++i)
        bytes.push_back(static_cast<std::uint8_t>(i * 151 + 7));
    return bytes;
}

std::optional<Bytes> certificate(KeySlot slot, const Credentials& credentials, Fault fault) {
    const auto found = credentials.find(slot);
    if (found == credentials.end() || found->second.certificate.empty() ||
        fault == Fault::missing_certificate)
        return std::nullopt;
    return certificate_object(fault == Fault::garbage_certificate ? garbage() : found->second.certificate);
}

} // namespace

Bytes application_property_template() {
    const ByteView identifier(piv_application);
    constexpr std::size_t provider_size_bytes = 5;
    Bytes content = encode_tlv(0x4f, identifier.subspan(provider_size_bytes));
    append_tlv(content, 0x79, encode_tlv(0x4f, identifier.first(provider_size_bytes)));
    append_tlv(content, 0x50, to_bytes("Virtual U-Key"));
    return encode_tlv(0x61, content);
}

std::optional<Bytes> data_object(std::uint32_t tag, const Bytes& guid, const Credentials& credentials,
                                 Fault fault) {
    switch (tag) {
    case tag_discovery:
        return discovery();
    case tag_holder_unique_identifier:
        return holder_unique_identifier(guid);
    case tag_capability_container:
        return capability_container(guid);
    case tag_authentication_certificate:
        return certificate(KeySlot::authentication, credentials, fault);
    case tag_key_management_certificate:
        return certificate(KeySlot::key_management, credentials, fault);
    default:
        return std::nullopt;
    }
}

} // namespace ukey::virtual_card
