// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace ukey::ctl {
namespace {

tl::unexpected<Error> unreadable(const std::string& path, int error) {
    return fail("file.unreadable", "read a file", path,
                std::error_code(error, std::generic_category()).message());
}

} // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (descriptor < 0 || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        const int error = descriptor < 0 ? errno : EINVAL;
        if (descriptor >= 0) {
            ::close(descriptor);
        }
        return unreadable(path, error);
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* begin = size == 0 ? nullptr : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const int error = errno;
    ::close(descriptor);
    if (begin == MAP_FAILED) {
        return unreadable(path, error);
    }
    return MappedFile(begin, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
    if (begin_ != nullptr) {
        munmap(begin_, size_);
    }
}

} // namespace ukey::ctl
