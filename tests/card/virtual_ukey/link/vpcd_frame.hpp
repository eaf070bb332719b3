// SPDX-License-Identifier: Apache-2.0
// The protocol between vpcd (the reader driver in pcscd) and a virtual card, as vsmartcard's documentation
// describes it: two bytes of length, big-endian, and the data. A request of one byte is a control request.
#pragma once

#include "tests/card/virtual_ukey/card/bytes.hpp"

namespace ukey::virtual_card {

constexpr std::size_t vpcd_header_size_bytes = 2;

enum class VpcdRequest { power_off, power_on, reset, answer_to_reset, apdu, unknown };

VpcdRequest classify_vpcd_request(ByteView data);

std::size_t vpcd_frame_size(ByteView header);

/// Data that does not fit the length field is cut: no card response is that long.
Bytes encode_vpcd_frame(ByteView data);

} // namespace ukey::virtual_card
