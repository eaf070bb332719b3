// SPDX-License-Identifier: Apache-2.0
#include "tools/output_file.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ukey::ctl {
namespace {

tl::unexpected<Failure> unwritable(const std::string& path, int error) {
    return fail_with("file.unwritable",
                     {{"object", path}, {"reason", std::generic_category().message(error)}});
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

Outcome<void> OutputFile::commit() {
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
    if (!failed && !partial_path_.empty() && std::rename(partial_path_.c_str(), path_.c_str()) != 0) {
        failed = true;
        error = errno;
    }
    if (failed) {
        unlink(partial_path_.c_str());
        return unwritable(path_, error);
    }
    return {};
}

} // namespace ukey::ctl
