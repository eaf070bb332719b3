// SPDX-License-Identifier: Apache-2.0
// Any bytes as a certificate: a token may hold whatever it likes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/core/certificate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static_cast<void>(
        ukey::parse_certificate(std::string_view(reinterpret_cast<const char*>(data), size), {}));
    return 0;
}
