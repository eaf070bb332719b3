// SPDX-License-Identifier: Apache-2.0
// What `ukeyctl setup` replaced, kept so that it can be had back byte for byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/failure.hpp"

namespace ukey::ctl {

struct ReplacedFile {
    std::string path;
    std::optional<std::string> before; ///< nothing: there was no such file
    std::optional<std::string> after;
    std::vector<std::string> folders; ///< that had to be made for it, outermost first
};

struct SetupRecord {
    std::vector<ReplacedFile> files;

    ReplacedFile* find(std::string_view path);
};

/// The record of one target, TARGET.json. Nobody else can change it while this is open: others wait.
class SetupRecordFile {
  public:
    static std::string path(const std::string& folder, std::string_view target);
    /// Makes the folder. `setup.bad_record` when what is there cannot be understood, `file.unwritable`.
    static Outcome<SetupRecordFile> open(const std::string& folder, std::string_view target);

    SetupRecordFile(SetupRecordFile&& other) noexcept;
    SetupRecordFile& operator=(SetupRecordFile&&) = delete;
    SetupRecordFile(const SetupRecordFile&) = delete; // holds the lock
    SetupRecordFile& operator=(const SetupRecordFile&) = delete;
    ~SetupRecordFile();

    const SetupRecord& record() const { return record_; }
    /// An empty record removes the file.
    Outcome<void> write(const SetupRecord& record);

  private:
    SetupRecordFile(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

    std::string path_;
    int lock_;
    SetupRecord record_;
};

} // namespace ukey::ctl
