// SPDX-License-Identifier: Apache-2.0
// Where a report or export goes: standard output, or a file that appears only when it is complete.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "tools/failure.hpp"

namespace ukey::ctl {

class OutputFile {
  public:
    /// An empty path is standard output. Error `file.unwritable`.
    static Outcome<OutputFile> open(const std::string& path);

    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    OutputFile(const OutputFile&) = delete; // owns the stream
    OutputFile& operator=(const OutputFile&) = delete;
    /// Removes what was not committed.
    ~OutputFile();

    /// A failure is reported by commit().
    void write(std::string_view bytes);
    /// Everything on disk and under its own name, or `file.unwritable` and no file.
    Outcome<void> commit();
    /// The same for a file that must not replace another: one of that name stays. If its bytes are the same
    /// all is well, and nothing was written; else the error is `file.other_content`.
    Outcome<void> commit_new();

  private:
    OutputFile(std::string path, std::string partial_path, std::FILE* stream)
        : path_(std::move(path)), partial_path_(std::move(partial_path)), stream_(stream) {}

    /// All bytes on disk, in the partial file.
    Outcome<void> finish();

    std::string path_;
    std::string partial_path_; ///< empty: written in place (standard output, a device)
    std::FILE* stream_;
};

/// Gives a whole file its name, durably; one that has that name stays. Errors `file.other_content` (there is
/// one) and `file.unwritable`; the file is under its old name then.
Outcome<void> place_new(const std::string& from, const std::string& to);

} // namespace ukey::ctl
