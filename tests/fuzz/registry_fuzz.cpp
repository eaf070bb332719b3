// SPDX-License-Identifier: Apache-2.0
// Any file as a registry: it is read or refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/core/registry_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto rows =
        ukey::read_registry("fuzz.csv", std::string_view(reinterpret_cast<const char*>(data), size));
    if (rows) {
        static_cast<void>(ukey::check_registry("fuzz.csv", *rows, {}));
    }
    return 0;
}
