// SPDX-License-Identifier: Apache-2.0
// The data objects that GET DATA returns (SP 800-73-4 part 1, section 3 and appendix A).
#pragma once

#include <cstdint>
#include <optional>

#include "tests/card/virtual_ukey/card/card_folder.hpp"
#include "tests/card/virtual_ukey/card/fault.hpp"

namespace ukey::virtual_card {

/// The PIV application's full identifier (SP 800-73-4 part 1, 2.2).
inline constexpr std::uint8_t piv_application[] = {0xa0, 0x00, 0x00, 0x03, 0x08, 0x00,
                                                   0x00, 0x10, 0x00, 0x01, 0x00};

/// The application property template that SELECT answers with (SP 800-73-4 part 2, table 3).
Bytes application_property_template();

/// The object with this tag, as GET DATA returns it; nothing when the card has none.
std::optional<Bytes> data_object(std::uint32_t tag, const Bytes& guid, const Credentials& credentials,
                                 Fault fault);

} // namespace ukey::virtual_card
