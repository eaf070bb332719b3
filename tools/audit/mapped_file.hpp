// SPDX-License-Identifier: Apache-2.0
// A file's bytes without reading them all into memory first.
#pragma once

#include <string>
#include <string_view>

#include "daemon/core/result.hpp"

namespace ukey::ctl {

class MappedFile {
  public:
    /// Error `file.unreadable`. Who shortens the file meanwhile ends the program (SIGBUS).
    static Result<MappedFile> open(const std::string& path);

    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&&) = delete;
    MappedFile(const MappedFile&) = delete; // it would be unmapped twice
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    std::string_view bytes() const { return {static_cast<const char*>(begin_), size_}; }

  private:
    MappedFile(void* begin, std::size_t size) : begin_(begin), size_(size) {}

    void* begin_; ///< null when the file is empty
    std::size_t size_;
};

} // namespace ukey::ctl
