// SPDX-License-Identifier: Apache-2.0
// Which files processes have mapped, as /proc tells it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace ukey::ctl {

/// A file as the kernel tells it apart from every other one, whatever it is called.
struct FileIdentity {
    unsigned device_major = 0;
    unsigned device_minor = 0;
    std::uint64_t inode = 0;

    bool operator==(const FileIdentity&) const = default;
};

/// Of the file that the path leads to; nothing when there is none.
std::optional<FileIdentity> identity_of(const std::string& path);

/// A file that is mapped, once per process.
struct MappedFile {
    FileIdentity identity;
    std::string path;     ///< by which this process's namespace knows it
    bool deleted = false; ///< removed, or replaced by another file of that name
};

/// A module to look for, in whichever way a process came to it.
class WantedFile {
  public:
    /// Links are followed. A name without a slash, which dlopen(3) looks for, is any file of that name.
    explicit WantedFile(const std::string& path);

    const std::string& path() const { return path_; }
    /// The very file: bind mounts and links do not hide it. `by_path` also takes file systems whose maps name
    /// another device than stat(2) (Btrfs, overlays).
    bool is(const MappedFile& file) const;
    /// A file that was replaced under this name, in any mount namespace.
    bool was(const MappedFile& file) const;

  private:
    std::string path_;
    std::string real_path_;
    std::string name_;
    std::optional<FileIdentity> identity_;
};

struct ProcessMaps {
    pid_t pid = 0;
    uid_t uid = 0;
    std::string executable; ///< without the kernel's " (deleted)"
    std::optional<FileIdentity> executable_identity;
    std::string cgroup;
    std::vector<MappedFile> files; ///< all of them
};

struct ProcessBounds {
    std::size_t processes = 20'000; ///< far above any workstation
    std::chrono::milliseconds time{5'000};
};

struct ProcessSight {
    std::vector<ProcessMaps> processes; ///< those that have a wanted file mapped
    std::size_t looked_at = 0;
    std::size_t unseen = 0; ///< their maps may not be read
    bool cut_short = false; ///< by the bounds
};

/// Looks at every process whose maps may be read. One that ends meanwhile is left out. `proc` is for tests.
ProcessSight find_processes(const std::vector<WantedFile>& wanted, const ProcessBounds& bounds = {},
                            const std::string& proc = "/proc");

/// The files of a text such as /proc/PID/maps.
std::vector<MappedFile> parse_maps(std::string_view text);

} // namespace ukey::ctl
