// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/secret.hpp"

#include <string.h>

#include <utility>

namespace ukey {

Secret::Secret(std::span<const unsigned char> bytes) : bytes_(bytes.begin(), bytes.end()) {}

Secret::~Secret() {
    wipe();
}

// A vector's move hands over its one buffer: no second copy of the bytes comes to be.
Secret::Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
}

bool Secret::equals(std::span<const unsigned char> other) const {
    if (bytes_.size() != other.size()) {
        return false;
    }
    unsigned difference = 0;
    for (std::size_t index = 0; index < other.size(); ++index) {
        difference |= static_cast<unsigned>(bytes_[index] ^ other[index]);
    }
    return difference == 0;
}

bool Secret::equals(std::string_view other) const {
    return equals({reinterpret_cast<const unsigned char*>(other.data()), other.size()});
}

void Secret::wipe() noexcept {
    if (!bytes_.empty()) {
        explicit_bzero(bytes_.data(), bytes_.size());
    }
    bytes_.clear();
}

} // namespace ukey
