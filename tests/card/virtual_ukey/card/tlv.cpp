// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/tlv.hpp"

namespace ukey::virtual_card {

namespace {

constexpr std::size_t tag_size_max_bytes = 3;

void append_tag(Bytes& out, std::uint32_t tag) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        const auto byte = static_cast<std::uint8_t>(tag >> shift);
        if (shift == 0 || (tag >> shift) != 0)
            out.push_back(byte);
    }
}

void append_length(Bytes& out, std::size_t length) {
    if (length >= 0x100)
        out.insert(out.end(),
                   {0x82, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)});
    else if (length >= 0x80)
        out.insert(out.end(), {0x81, static_cast<std::uint8_t>(length)});
    else
        out.push_back(static_cast<std::uint8_t>(length));
}

/// Takes a tag off the front.
std::optional<std::uint32_t> take_tag(ByteView& rest) {
    std::uint32_t tag = 0;
    for (std::size_t size = 1; size <= tag_size_max_bytes; ++size) {
        if (rest.empty())
            return std::nullopt;
        const std::uint8_t byte = rest.front();
        rest = rest.subspan(1);
        tag = (tag << 8) | byte;
        const bool more = size == 1 ? (byte & 0x1f) == 0x1f : (byte & 0x80) != 0;
        if (!more)
            return tag;
    }
    return std::nullopt;
}

/// Takes a length off the front.
std::optional<std::size_t> take_length(ByteView& rest) {
    if (rest.empty())
        return std::nullopt;
    const std::uint8_t first = rest.front();
    rest = rest.subspan(1);
    if (first < 0x80)
        return first;
    const std::size_t count = first & 0x7fU;
    if (count == 0 || count > 2 || rest.size() < count)
        return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 0; i < count; ++i)
        length = (length << 8) | rest[i];
    rest = rest.subspan(count);
    return length;
}

} // namespace

Bytes encode_tlv(std::uint32_t tag, ByteView value) {
    Bytes out;
    out.reserve(value.size() + 6);
    append_tag(out, tag);
    append_length(out, value.size());
    append(out, value);
    return out;
}

std::optional<std::vector<Element>> parse_tlv(ByteView bytes) {
    std::vector<Element> elements;
    while (!bytes.empty()) {
        const auto tag = take_tag(bytes);
        if (!tag)
            return std::nullopt;
        const auto length = take_length(bytes);
        if (!length || *length > bytes.size())
            return std::nullopt;
        elements.push_back({*tag, bytes.first(*length)});
        bytes = bytes.subspan(*length);
    }
    return elements;
}

std::optional<ByteView> find_element(const std::vector<Element>& elements, std::uint32_t tag) {
    for (const Element& element : elements)
        if (element.tag == tag)
            return element.value;
    return std::nullopt;
}

} // namespace ukey::virtual_card
