// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/result.hpp"

namespace ukey {

std::string to_string(const Error& error) {
    std::string text;
    for (const std::string* part : {&error.context, &error.object, &error.reason}) {
        if (part->empty()) {
            continue;
        }
        if (!text.empty()) {
            text += ": ";
        }
        text += *part;
    }
    return text.empty() ? error.code : text;
}

} // namespace ukey
