// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/vpcd_frame.hpp"

#include <algorithm>

namespace ukey::virtual_card {

namespace {

constexpr std::size_t frame_size_max_bytes = 0xffff;

} // namespace

VpcdRequest classify_vpcd_request(ByteView data) {
    if (data.empty())
        return VpcdRequest::unknown;
    if (data.size() > 1)
        return VpcdRequest::apdu;
    switch (data[0]) {
    case 0:
        return VpcdRequest::power_off;
    case 1:
        return VpcdRequest::power_on;
    case 2:
        return VpcdRequest::reset;
    case 4:
        return VpcdRequest::answer_to_reset;
    default:
        return VpcdRequest::unknown;
    }
}

std::size_t vpcd_frame_size(ByteView header) {
    return (static_cast<std::size_t>(header[0]) << 8) | header[1];
}

Bytes encode_vpcd_frame(ByteView data) {
    data = data.first(std::min(data.size(), frame_size_max_bytes));
    Bytes frame{static_cast<std::uint8_t>(data.size() >> 8), static_cast<std::uint8_t>(data.size())};
    append(frame, data);
    return frame;
}

} // namespace ukey::virtual_card
