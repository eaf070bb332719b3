// SPDX-License-Identifier: Apache-2.0
// A text of which there are few in many places: a workstation's fingerprint in each of a million rows.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace ukey {

/// As small as a pointer, as cheap to copy, and read as the std::string that it is. All texts that there ever
/// were stay in memory: only for texts that are few. May be used in several threads.
class SharedText {
  public:
    SharedText() : SharedText(std::string_view()) {}
    // NOLINTBEGIN(google-explicit-constructor): it stands for the text
    SharedText(std::string_view text);
    SharedText(const std::string& text) : SharedText(std::string_view(text)) {}
    SharedText(const char* text) : SharedText(std::string_view(text)) {}
    // NOLINTEND(google-explicit-constructor)

    const std::string& text() const { return *text_; }
    operator const std::string&() const { return *text_; } // NOLINT(google-explicit-constructor)
    bool empty() const { return text_->empty(); }

    friend bool operator==(const SharedText& one, const SharedText& other) {
        return one.text_ == other.text_;
    }
    friend std::strong_ordering operator<=>(const SharedText& one, const SharedText& other) {
        return *one.text_ <=> *other.text_;
    }

  private:
    const std::string* text_;
};

} // namespace ukey
