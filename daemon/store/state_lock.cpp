// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/state_lock.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

namespace ukey {
namespace {

constexpr const char* lock_file = "/ukeyd.lock";

tl::unexpected<Error> unusable(const std::string& path) {
    return fail("state.unusable", "lock the state folder", path,
                std::error_code(errno, std::generic_category()).message());
}

/// All of the file, for one process: a child that is forked does not have it (fcntl(2)).
struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

} // namespace

Result<StateLock> StateLock::take(const std::string& folder) {
    const std::string path = folder + lock_file;
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    struct flock lock = whole_file();
    if (file.number() < 0) {
        return unusable(path);
    }
    if (fcntl(file.number(), F_SETLK, &lock) == 0) {
        return StateLock(std::move(file));
    }
    if (errno != EACCES && errno != EAGAIN) {
        return unusable(path);
    }
    lock = whole_file();
    const bool known = fcntl(file.number(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    return fail("state.in_use", "lock the state folder", folder,
                known ? "process " + std::to_string(lock.l_pid) : "another process");
}

} // namespace ukey
