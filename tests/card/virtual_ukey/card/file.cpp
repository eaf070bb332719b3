// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ukey::virtual_card {

namespace {

bool write_all(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace

Result<std::string> read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream)
        return fail("io.failed", "read a file", path.string(), std::strerror(errno));
    return std::string(std::istreambuf_iterator<char>(stream), {});
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode) {
    const std::string temporary = path.string() + ".new";
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (descriptor < 0)
        return fail("io.failed", "create a file", temporary, std::strerror(errno));
    bool done = ::fchmod(descriptor, mode) == 0 && write_all(descriptor, content);
    done = ::close(descriptor) == 0 && done;
    done = done && ::rename(temporary.c_str(), path.c_str()) == 0;
    if (done)
        return {};
    const int error = errno;
    ::unlink(temporary.c_str());
    return fail("io.failed", "replace a file", path.string(), std::strerror(error));
}

} // namespace ukey::virtual_card
