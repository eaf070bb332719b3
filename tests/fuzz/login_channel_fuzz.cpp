// SPDX-License-Identifier: Apache-2.0
// Any bytes on the login channel: frames and messages are decoded or refused, never anything else.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/core/frame.hpp"
#include "daemon/login/login_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ukey::FrameDecoder decoder(ukey::login_frame_max_bytes);
    decoder.append(std::string_view(reinterpret_cast<const char*>(data), size));
    for (;;) {
        const auto message = decoder.next();
        if (!message || !*message) {
            return 0;
        }
        static_cast<void>(ukey::decode_login_message(**message));
    }
}
