// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/process_maps.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

constexpr std::string_view deleted_mark = " (deleted)";
/// The kernel allows 65,530 mappings by default, of some hundred bytes each.
constexpr std::size_t maps_max_bytes = 16UL * 1024 * 1024;
constexpr std::size_t status_max_bytes = 16UL * 1024;

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) {
            close(number_);
        }
    }
    Descriptor(const Descriptor&) = delete; // owns the number
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }

  private:
    int number_;
};

/// Nothing when it cannot be read to its end; errno says why.
std::optional<std::string> read_at(const Descriptor& folder, const char* name, std::size_t max_bytes) {
    const Descriptor file(openat(folder.number(), name, O_RDONLY | O_CLOEXEC));
    if (!file) {
        return std::nullopt;
    }
    std::string text;
    std::array<char, 64UL * 1024> part{};
    while (text.size() < max_bytes) {
        const ssize_t count = read(file.number(), part.data(), part.size());
        if (count < 0) {
            return std::nullopt;
        }
        if (count == 0) {
            break;
        }
        text.append(part.data(), static_cast<std::size_t>(count));
    }
    return text;
}

template <typename Number>
Number number_from(std::string_view text, int base) {
    Number number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number, base);
    return number;
}

/// The next word of a line of maps, taken off it.
std::string_view take_word(std::string_view& line) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return word;
}

bool take_deleted_mark(std::string& path) {
    if (!path.ends_with(deleted_mark)) {
        return false;
    }
    path.resize(path.size() - deleted_mark.size());
    return true;
}

std::string executable_of(const Descriptor& process) {
    std::array<char, 4096> target{};
    const ssize_t length = readlinkat(process.number(), "exe", target.data(), target.size());
    std::string path(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    take_deleted_mark(path);
    return path;
}

std::optional<FileIdentity> identity_at(int folder, const char* path) {
    struct stat status {};
    if (fstatat(folder, path, &status, 0) != 0) {
        return std::nullopt;
    }
    return FileIdentity{major(status.st_dev), minor(status.st_dev), status.st_ino};
}

/// The real user of "Uid:\t1000\t1000\t1000\t1000".
uid_t user_of(const std::string& status) {
    const std::size_t begin = status.find("\nUid:\t");
    return begin == std::string::npos ? static_cast<uid_t>(-1)
                                      : number_from<uid_t>(std::string_view(status).substr(begin + 6), 10);
}

bool is_wanted(const MappedFile& file, const std::vector<WantedFile>& wanted) {
    return std::ranges::any_of(wanted, [&](const WantedFile& one) { return one.is(file) || one.was(file); });
}

enum class Look { seen, unseen, gone };

/// `process` is its folder: another process that gets its number later is not in there.
Look look_at(const Descriptor& process, const std::vector<WantedFile>& wanted, ProcessMaps& found) {
    const auto maps = read_at(process, "maps", maps_max_bytes);
    if (!maps) {
        return errno == EACCES || errno == EPERM ? Look::unseen : Look::gone;
    }
    found.files = parse_maps(*maps);
    if (!std::ranges::any_of(found.files, [&](const MappedFile& file) { return is_wanted(file, wanted); })) {
        found.files.clear();
        return Look::seen;
    }
    const auto status = read_at(process, "status", status_max_bytes);
    if (!status) {
        return Look::gone;
    }
    found.uid = user_of(*status);
    found.executable = executable_of(process);
    found.executable_identity = identity_at(process.number(), "exe");
    found.cgroup = read_at(process, "cgroup", status_max_bytes).value_or("");
    return Look::seen;
}

} // namespace

std::optional<FileIdentity> identity_of(const std::string& path) {
    return identity_at(AT_FDCWD, path.c_str());
}

WantedFile::WantedFile(const std::string& path) : path_(path), name_(std::filesystem::path(path).filename()) {
    if (path.find('/') != std::string::npos) {
        std::error_code ignored;
        real_path_ = std::filesystem::weakly_canonical(path, ignored);
        name_ = std::filesystem::path(real_path_).filename();
        identity_ = identity_of(path);
    }
}

bool WantedFile::is(const MappedFile& file) const {
    if (real_path_.empty()) {
        return !file.deleted && std::filesystem::path(file.path).filename() == name_;
    }
    return (identity_ && *identity_ == file.identity) || (!file.deleted && file.path == real_path_);
}

bool WantedFile::was(const MappedFile& file) const {
    return file.deleted && std::filesystem::path(file.path).filename() == name_ && !is(file);
}

std::vector<MappedFile> parse_maps(std::string_view text) {
    std::vector<MappedFile> files;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        take_word(line); // addresses
        take_word(line); // permissions
        take_word(line); // offset
        const std::string_view device = take_word(line);
        const std::string_view inode = take_word(line);
        if (!line.starts_with('/')) {
            continue; // no file: [heap], anonymous
        }
        MappedFile file;
        const std::size_t colon = std::min(device.find(':'), device.size() - 1);
        file.identity = {number_from<unsigned>(device.substr(0, colon), 16),
                         number_from<unsigned>(device.substr(colon + 1), 16),
                         number_from<std::uint64_t>(inode, 10)};
        file.path = line;
        file.deleted = take_deleted_mark(file.path);
        // A file's segments follow one another.
        if (files.empty() || files.back().identity != file.identity || files.back().path != file.path) {
            files.push_back(std::move(file));
        }
    }
    return files;
}

ProcessSight find_processes(const std::vector<WantedFile>& wanted, const ProcessBounds& bounds,
                            const std::string& proc) {
    ProcessSight sight;
    const auto end = std::chrono::steady_clock::now() + bounds.time;
    const std::unique_ptr<DIR, int (*)(DIR*)> all(opendir(proc.c_str()), closedir);
    if (all == nullptr) {
        sight.cut_short = true;
        return sight;
    }
    while (const dirent* entry = readdir(all.get())) { // NOLINT(concurrency-mt-unsafe): a stream of our own
        const std::string_view name = entry->d_name;
        if (name.find_first_not_of("0123456789") != std::string_view::npos) {
            continue;
        }
        if (sight.looked_at + sight.unseen >= bounds.processes || std::chrono::steady_clock::now() > end) {
            sight.cut_short = true;
            break;
        }
        ProcessMaps found;
        found.pid = number_from<pid_t>(name, 10);
        const Descriptor process(openat(dirfd(all.get()), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const Look look = process ? look_at(process, wanted, found) : Look::gone;
        sight.looked_at += look == Look::seen ? 1 : 0;
        sight.unseen += look == Look::unseen ? 1 : 0;
        if (look == Look::seen && !found.files.empty()) {
            sight.processes.push_back(std::move(found));
        }
    }
    std::ranges::sort(sight.processes, {}, &ProcessMaps::pid);
    return sight;
}

} // namespace ukey::ctl
