// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace ukey::ctl {
namespace {

tl::unexpected<Error> unreadable(const std::string& path, int error) {
    return fail("file.unreadable", "read a file", path,
                std::error_code(error, std::generic_category()).message());
}

Result<std::string> read_all(int descriptor, const std::string& path) {
    struct stat status {};
    if (fstat(descriptor, &status) != 0) {
        return unreadable(path, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return unreadable(path, S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
    }
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t length = 0;
    while (length < bytes.size()) {
        const ssize_t more = ::read(descriptor, bytes.data() + length, bytes.size() - length);
        if (more < 0 && errno != EINTR) {
            return unreadable(path, errno);
        }
        if (more == 0) {
            break; // it has become shorter
        }
        length += more < 0 ? 0 : static_cast<std::size_t>(more);
    }
    bytes.resize(length);
    return bytes;
}

} // namespace

Result<std::string> read_whole_file(const std::string& path) {
    // O_NONBLOCK: a pipe without a writer would be waited for.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return unreadable(path, errno);
    }
    auto bytes = read_all(descriptor, path);
    ::close(descriptor);
    return bytes;
}

std::size_t total_bytes(const std::vector<std::string>& files) {
    std::size_t total = 0;
    for (const std::string& file : files) {
        std::error_code none;
        const auto size = std::filesystem::file_size(file, none);
        total += none ? 0 : size;
    }
    return total;
}

} // namespace ukey::ctl
