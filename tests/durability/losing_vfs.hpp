// SPDX-License-Identifier: Apache-2.0
// A file system under SQLite that remembers what has been synced, so that a loss of power can be played at
// any moment, and that fails a write when it is told to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace ukey::test {

/// What the disk has of one file, and what is still on its way there.
struct LosingFile {
    struct Change {
        std::uint64_t offset;
        std::string bytes; ///< empty: the file was cut off at `offset`
    };
    bool is_deleted = false;     ///< but not for certain until its folder has been synced
    bool is_durable = false;     ///< its folder's entry has been synced
    std::string durable;         ///< its content as of the last sync
    std::vector<Change> pending; ///< since then, in order
};

/// SQLite's default file system with a memory, as the process's default while this exists. The files are
/// real; of databases, journals and write-ahead logs it keeps what a disk would have. One thread at a time.
class LosingVfs {
  public:
    LosingVfs();
    ~LosingVfs();
    LosingVfs(const LosingVfs&) = delete; // registered by address
    LosingVfs& operator=(const LosingVfs&) = delete;
    LosingVfs(LosingVfs&&) = delete;
    LosingVfs& operator=(LosingVfs&&) = delete;

    /// Called before each change of a file: its number, from 1. What it answers is the SQLite error with
    /// which that change fails (SQLITE_OK: none).
    std::function<int(std::uint64_t)> before_change;
    /// Writes, syncs, truncations and deletions so far.
    std::uint64_t changes() const { return changes_; }

    /// Writes into `folder` what could be on the disk if the power went now: of each file what was synced,
    /// and any part, sector by sector, of what was not.
    void write_image(const std::filesystem::path& folder, std::mt19937_64& random) const;

    /// Whether files that are opened, and changes, are looked at; at first they are. Of others nothing is
    /// kept and nothing fails.
    void watch(bool is_watching) { is_watching_ = is_watching; }

    // For the functions that SQLite calls.
    int announce_change();
    LosingFile& file(const std::string& path) { return files_[path]; }
    void remember(const std::string& path);
    void forget(const std::string& path, bool folder_is_synced);
    void sync_folder();
    bool is_watching() const { return is_watching_; }
    sqlite3_vfs* real() const { return real_; }

  private:
    sqlite3_vfs* real_;
    std::unique_ptr<sqlite3_vfs> own_;
    std::map<std::string, LosingFile> files_;
    std::uint64_t changes_ = 0;
    bool is_watching_ = true;
};

} // namespace ukey::test
