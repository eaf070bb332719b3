// SPDX-License-Identifier: Apache-2.0
// The digest of a registry (docs/formats/ledger.md §5): enough to prove which one was in force, nothing
// personal.
#pragma once

#include <string>
#include <string_view>

#include "daemon/core/organisation.hpp"

namespace ukey {

class RegistryDigest {
  public:
    void add(const Organisation& organisation);
    /// Of all that were added, in this order: 64 hexadecimal digits.
    std::string sha256() const;

  private:
    void add_line(std::string_view field);

    std::string text_;
};

} // namespace ukey
