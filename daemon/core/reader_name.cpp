// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/reader_name.hpp"

#include <cctype>
#include <string>

namespace ukey {
namespace {

/// Shorter names ("key") say nothing.
constexpr std::size_t telling_length = 4;

/// Case and punctuation of reader names differ from those of the descriptors.
std::string fold_device_name(std::string_view text) {
    std::string folded;
    for (const char character : text) {
        if (std::isalnum(static_cast<unsigned char>(character)) != 0) {
            folded.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(character))));
        }
    }
    return folded;
}

} // namespace

bool is_reader_of(const UsbDevice& device, const KnownDevice* known, std::string_view reader_name) {
    const std::string reader = fold_device_name(reader_name);
    for (const std::string_view name :
         {std::string_view(device.product),
          known != nullptr ? std::string_view(known->product) : std::string_view()}) {
        const std::string folded = fold_device_name(name);
        if (folded.size() >= telling_length && reader.find(folded) != std::string::npos) {
            return true;
        }
    }
    return false;
}

} // namespace ukey
