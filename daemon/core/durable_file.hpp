// SPDX-License-Identifier: Apache-2.0
// Files that are to be there after a power cut: written whole, on disk before they get their name.
#pragma once

#include <string>
#include <string_view>

namespace ukey {

/// An open file; negative: it could not be opened.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&&) = delete;
    Descriptor(const Descriptor&) = delete; // it would be closed twice
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }

  private:
    int number_;
};

/// All bytes; they need not be on disk yet. False: errno says why. Blocks.
bool write_all(const Descriptor& file, std::string_view bytes);

/// The names in the folder that holds `path` are on disk. False: errno says why. Blocks.
bool sync_folder_of(const std::string& path);

} // namespace ukey
