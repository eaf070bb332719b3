// SPDX-License-Identifier: Apache-2.0
#include "tools/output_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "daemon/core/durable_file.hpp"

namespace ukey::ctl {
namespace {

tl::unexpected<Failure> unwritable(const std::string& path, int error) {
    return fail_with("file.unwritable",
                     {{"object", path}, {"reason", std::generic_category().message(error)}});
}

bool same_bytes(const std::string& one, const std::string& other) {
    std::ifstream left(one, std::ios::binary);
    std::ifstream right(other, std::ios::binary);
    using Bytes = std::istreambuf_iterator<char>;
    return left && right && std::equal(Bytes(left), Bytes(), Bytes(right), Bytes());
}

/// In one step, or not at all: EEXIST when there is a file of that name. 0: done.
int rename_to_new(const std::string& from, const std::string& to) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL) {
        return errno;
    }
    // A file system without such a rename (NFS) has links.
    if (link(from.c_str(), to.c_str()) != 0) {
        return errno;
    }
    unlink(from.c_str());
    return 0;
}

} // namespace

Outcome<OutputFile> OutputFile::open(const std::string& path) {
    if (path.empty()) {
        return OutputFile("stdout", "", stdout);
    }
    std::error_code ignored;
    const auto status = std::filesystem::status(path, ignored);
    const bool in_place = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
    const std::string written = in_place ? path : path + ".part";
    std::FILE* stream = std::fopen(written.c_str(), "wbe");
    if (stream == nullptr) {
        return unwritable(path, errno);
    }
    return OutputFile(path, in_place ? "" : written, stream);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)), partial_path_(std::move(other.partial_path_)),
      stream_(std::exchange(other.stream_, nullptr)) {}

OutputFile::~OutputFile() {
    if (stream_ != nullptr && stream_ != stdout) {
        std::fclose(stream_);
        if (!partial_path_.empty()) {
            unlink(partial_path_.c_str());
        }
    }
}

void OutputFile::write(std::string_view bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), stream_);
}

Outcome<void> OutputFile::finish() {
    bool failed = std::fflush(stream_) != 0 || std::ferror(stream_) != 0;
    int error = errno;
    if (stream_ == stdout) {
        return failed ? Outcome<void>(unwritable(path_, error)) : Outcome<void>();
    }
    if (!failed && !partial_path_.empty() && fsync(fileno(stream_)) != 0) {
        failed = true;
        error = errno;
    }
    if (std::fclose(std::exchange(stream_, nullptr)) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    if (failed) {
        unlink(partial_path_.c_str());
        return unwritable(path_, error);
    }
    return {};
}

Outcome<void> OutputFile::commit() {
    auto finished = finish();
    if (finished && !partial_path_.empty() && std::rename(partial_path_.c_str(), path_.c_str()) != 0) {
        const int error = errno;
        unlink(partial_path_.c_str());
        return unwritable(path_, error);
    }
    return finished;
}

Outcome<void> OutputFile::commit_new() {
    auto finished = finish();
    if (!finished || partial_path_.empty()) {
        return finished;
    }
    const int error = rename_to_new(partial_path_, path_);
    if (error == 0) {
        return {};
    }
    const bool same = error == EEXIST && same_bytes(partial_path_, path_);
    unlink(partial_path_.c_str());
    if (same) {
        return {};
    }
    return error == EEXIST ? fail_with("file.other_content", {{"object", path_}}) : unwritable(path_, error);
}

Outcome<void> place_new(const std::string& from, const std::string& to) {
    const Descriptor file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.number() < 0 || fsync(file.number()) != 0) {
        return unwritable(from, errno);
    }
    if (const int error = rename_to_new(from, to); error != 0) {
        return error == EEXIST ? fail_with("file.other_content", {{"object", to}}) : unwritable(to, error);
    }
    return sync_folder_of(to) ? Outcome<void>() : unwritable(to, errno);
}

} // namespace ukey::ctl
