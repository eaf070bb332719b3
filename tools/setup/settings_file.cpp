// SPDX-License-Identifier: Apache-2.0
#include "tools/setup/settings_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "tools/diagnosis/process_maps.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete; // owns the number
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }
    /// 0, or -1 with errno: some file systems report a failed write only here.
    int close() { return number_ >= 0 ? ::close(std::exchange(number_, -1)) : 0; }

  private:
    int number_;
};

tl::unexpected<Failure> failure(const char* code, const std::string& path, int error) {
    return fail_with(code, {{"object", path}, {"reason", std::generic_category().message(error)}});
}

tl::unexpected<Failure> unusual(const std::string& path, std::string_view what) {
    return fail_with("setup.unusual", {{"object", path}, {"reason", translate(what)}});
}

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = write(file, text.data(), text.size());
        if (count < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
    }
    return true;
}

/// The new name is on the disk, too.
void flush_folder(const std::filesystem::path& folder) {
    const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.number() >= 0) {
        fsync(descriptor.number());
    }
}

/// Mode and owner of the file that is replaced, or those of a new one.
bool take_after(int file, const std::string& path) {
    struct stat old {};
    if (lstat(path.c_str(), &old) != 0) {
        return errno == ENOENT && fchmod(file, geteuid() == 0 ? 0644 : 0600) == 0;
    }
    return fchown(file, old.st_uid, old.st_gid) == 0 && fchmod(file, old.st_mode & 07777) == 0;
}

} // namespace

Outcome<std::optional<std::string>> read_settings(const std::string& path, std::size_t max_bytes) {
    struct stat status {};
    Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (file.number() < 0) {
        if (errno == ENOENT) {
            return std::optional<std::string>();
        }
        return errno == ELOOP ? Outcome<std::optional<std::string>>(unusual(path, N_("a symbolic link")))
                              : failure("file.unreadable", path, errno);
    }
    if (fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return unusual(path, N_("no plain file"));
    }
    std::string text(max_bytes + 1, '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t count = read(file.number(), text.data() + filled, text.size() - filled);
        if (count < 0) {
            return failure("file.unreadable", path, errno);
        }
        if (count == 0) {
            break;
        }
        filled += static_cast<std::size_t>(count);
    }
    text.resize(filled);
    if (filled > max_bytes) {
        return unusual(path, N_("larger than such a file ever is"));
    }
    if (text.find('\0') != std::string::npos) {
        return unusual(path, N_("no text"));
    }
    return std::optional(std::move(text));
}

Outcome<void> write_settings(const std::string& path, const std::optional<std::string>& text) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    if (!text) {
        if (unlink(path.c_str()) != 0 && errno != ENOENT) {
            return failure("file.unwritable", path, errno);
        }
        flush_folder(folder);
        return {};
    }
    std::string temporary = (folder / ".ukeyctl-XXXXXX").string(); // a name that no program reads as its own
    Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
    if (file.number() < 0) {
        return failure("file.unwritable", path, errno);
    }
    if (!write_all(file.number(), *text) || !take_after(file.number(), path) || fsync(file.number()) != 0 ||
        file.close() != 0 || rename(temporary.c_str(), path.c_str()) != 0) {
        const int error = errno;
        unlink(temporary.c_str());
        return failure("file.unwritable", path, error);
    }
    flush_folder(folder);
    return {};
}

Outcome<std::vector<std::string>> make_folders_for(const std::string& path) {
    std::vector<std::string> missing;
    std::error_code ignored;
    for (auto folder = std::filesystem::path(path).parent_path(); !std::filesystem::exists(folder, ignored);
         folder = folder.parent_path()) {
        missing.insert(missing.begin(), folder.string());
    }
    for (const std::string& folder : missing) {
        if (mkdir(folder.c_str(), geteuid() == 0 ? 0755 : 0700) != 0) {
            return failure("file.unwritable", folder, errno);
        }
    }
    return missing;
}

bool same_file(const std::string& left, const std::string& right) {
    if (left == right) {
        return true;
    }
    const auto identity = identity_of(left);
    return identity && identity == identity_of(right);
}

} // namespace ukey::ctl
