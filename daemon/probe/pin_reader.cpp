// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/pin_reader.hpp"

#include <string.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

namespace ukey::probe {
namespace {

/// No token takes a longer PIN.
constexpr std::size_t pin_max_bytes = 255;

/// The bytes of one line, wiped with the object: read one by one, so that the next line stays in the
/// descriptor and no buffer of a library holds a PIN.
class Line {
  public:
    Line() = default;
    ~Line() { explicit_bzero(bytes_.data(), bytes_.size()); }
    Line(const Line&) = delete; // a copy would be one more place to wipe
    Line& operator=(const Line&) = delete;

    /// False when there is no line, or one that is too long.
    bool read_from(int descriptor) {
        for (;;) {
            unsigned char byte = 0;
            const ssize_t got = read(descriptor, &byte, 1);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                return length_ > 0;
            }
            if (byte == '\n') {
                return true;
            }
            if (length_ == pin_max_bytes) {
                return false;
            }
            bytes_.at(length_++) = byte;
        }
    }

    Secret secret() const { return Secret(std::span(bytes_).first(length_)); }

  private:
    std::array<unsigned char, pin_max_bytes> bytes_{};
    std::size_t length_ = 0;
};

} // namespace

Result<std::vector<Secret>> read_pins(int descriptor, std::size_t count) {
    std::vector<Secret> pins;
    while (pins.size() < count) {
        Line line;
        if (!line.read_from(descriptor)) {
            return fail("pin.not_given", "read the PIN", "line " + std::to_string(pins.size() + 1),
                        "it is missing or too long");
        }
        pins.push_back(line.secret());
    }
    return pins;
}

} // namespace ukey::probe
