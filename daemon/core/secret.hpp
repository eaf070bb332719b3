// SPDX-License-Identifier: Apache-2.0
// A PIN or another secret in memory: wiped when it goes, never copied, printed or compared with a leak.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ukey {

/// Bytes that are wiped (explicit_bzero) on destruction and before they are overwritten. No stream operator,
/// no fmt formatter and no operator== on purpose: a secret must not reach a log, and a comparison must not
/// leak where it differs.
class Secret {
  public:
    Secret() = default;
    /// Takes a copy; the caller wipes the original. Error-free; empty is allowed.
    explicit Secret(std::span<const unsigned char> bytes);
    ~Secret();
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete; // a copy would be one more place to wipe
    Secret& operator=(const Secret&) = delete;

    /// Valid as long as the object is neither assigned nor moved from.
    std::span<const unsigned char> bytes() const { return bytes_; }
    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }

    /// Takes time by the lengths only, not by the contents.
    bool equals(std::span<const unsigned char> other) const;
    bool equals(const Secret& other) const { return equals(other.bytes()); }
    /// For well-known values such as a default PIN.
    bool equals(std::string_view other) const;

  private:
    void wipe() noexcept;
    std::vector<unsigned char> bytes_;
};

} // namespace ukey
