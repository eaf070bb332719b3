// SPDX-License-Identifier: Apache-2.0
// A text that is signed: a first line of its own, then lines `name: VALUE`, each ended by LF, in a fixed
// order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ukey {

/// Takes such a text apart from the front. What is missing or has another form makes it incomplete; the
/// caller writes the text anew and compares, so that there is one text for one meaning.
class SignedLines {
  public:
    SignedLines(std::string_view text, std::string_view first_line);

    /// The value of the next line, which must have this name.
    std::string_view value(std::string_view name);
    /// Decimal.
    std::uint64_t number(std::string_view name);
    /// Lower-case hexadecimal, decoded.
    std::string bytes(std::string_view name);

    bool complete() const { return complete_; }

  private:
    std::string_view rest_;
    bool complete_;
};

} // namespace ukey
