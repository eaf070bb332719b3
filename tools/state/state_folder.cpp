// SPDX-License-Identifier: Apache-2.0
#include "tools/state/state_folder.hpp"

#include <grp.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace ukey::ctl {
namespace {

constexpr mode_t private_mode = 0700;

tl::unexpected<Failure> failure(const char* code, const std::string& path, int error) {
    return fail_with(code, {{"object", path}, {"reason", std::generic_category().message(error)}});
}

/// Going on with other rights than asked for would be worse than to end.
void must(int result) {
    if (result != 0) {
        throw std::system_error(errno, std::generic_category(), "change the acting user");
    }
}

/// What names in a WorkFolder begin with: a folder with anything else in it is somebody's own.
constexpr auto work_names = std::to_array<std::string_view>({"backup", "ukeyd.", "workstation.key"});

/// A WorkFolder of an earlier run that could not remove it.
bool is_left_over(const std::string& path, const Owner& owner) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != owner.user) {
        return false;
    }
    const ActingAs acting(owner);
    std::error_code error;
    std::filesystem::directory_iterator entries(path, error);
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
        const std::string name = entries->path().filename().string();
        if (std::ranges::none_of(work_names, [&](std::string_view ours) { return name.starts_with(ours); })) {
            return false;
        }
    }
    return !error;
}

} // namespace

ActingAs::ActingAs(const Owner& owner) : changed_(geteuid() == 0 && owner.user != 0) {
    if (!changed_) {
        return;
    }
    groups_.resize(static_cast<std::size_t>(getgroups(0, nullptr)));
    must(getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0 ? -1 : 0);
    must(setgroups(1, &owner.group));
    must(setegid(owner.group));
    must(seteuid(owner.user));
}

ActingAs::~ActingAs() {
    if (changed_) {
        must(seteuid(0));
        must(setegid(getgid()));
        must(setgroups(groups_.size(), groups_.data()));
    }
}

Outcome<StateFolder> StateFolder::find(const std::string& path, std::string_view verb) {
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error);
    struct stat status {};
    if (error || ::stat(real.c_str(), &status) != 0) {
        return failure("file.unreadable", path, error ? error.value() : errno);
    }
    if (!S_ISDIR(status.st_mode)) {
        return failure("file.unreadable", path, ENOTDIR);
    }
    if (geteuid() != 0 && geteuid() != status.st_uid) {
        return fail_with("state.needs_root", {{"verb", std::string(verb)}, {"object", path}});
    }
    return StateFolder{
        .path = real.string(), .owner = {status.st_uid, status.st_gid}, .mode = status.st_mode & ALLPERMS};
}

Outcome<WorkFolder> WorkFolder::make(const std::string& path, const Owner& owner) {
    if (is_left_over(path, owner)) {
        remove_folder(path, owner);
    }
    if (mkdir(path.c_str(), private_mode) != 0) {
        return failure("file.unwritable", path, errno);
    }
    WorkFolder folder(path, owner);
    if (geteuid() == 0 && lchown(path.c_str(), owner.user, owner.group) != 0) {
        return failure("file.unwritable", path, errno);
    }
    return folder;
}

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), owner_(other.owner_) {}

WorkFolder::~WorkFolder() {
    if (!path_.empty()) {
        remove_folder(path_, owner_);
    }
}

Owner current_owner() {
    return {geteuid(), getegid()};
}

bool remove_folder(const std::string& path, const Owner& owner) {
    std::error_code error;
    {
        const ActingAs acting(owner);
        std::filesystem::directory_iterator entries(path, error);
        for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
            std::error_code left;
            std::filesystem::remove_all(entries->path(), left);
        }
    }
    return rmdir(path.c_str()) == 0;
}

std::string host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

Error as_state_error(Error error) {
    if (error.code == "ledger.write_failed") {
        error.code = "state.unusable";
    }
    return error;
}

} // namespace ukey::ctl
