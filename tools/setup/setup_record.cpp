// SPDX-License-Identifier: Apache-2.0
#include "tools/setup/setup_record.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/json.hpp>

#include "daemon/core/base64.hpp"
#include "tools/json_view.hpp"
#include "tools/setup/settings_file.hpp"

namespace ukey::ctl {
namespace {

/// Both texts of a few files, in base64.
constexpr std::size_t record_max_bytes = 16UL * 1024 * 1024;

boost::json::value encoded(const std::optional<std::string>& text) {
    return text ? boost::json::value(base64_encode(*text)) : boost::json::value(nullptr);
}

/// False when it is neither null nor base64.
bool decode(const boost::json::object& file, std::string_view name, std::optional<std::string>& text) {
    const boost::json::value* value = file.if_contains(name);
    if (value == nullptr || value->is_null()) {
        return value != nullptr;
    }
    text = base64_decode(raw_text(file, name));
    return value->is_string() && text.has_value();
}

boost::json::object to_json(const SetupRecord& record) {
    boost::json::array files;
    for (const ReplacedFile& file : record.files) {
        files.emplace_back(
            boost::json::object{{"path", file.path},
                                {"before", encoded(file.before)},
                                {"after", encoded(file.after)},
                                {"folders", boost::json::array(file.folders.begin(), file.folders.end())}});
    }
    return {{"version", 1}, {"files", std::move(files)}};
}

std::optional<SetupRecord> parse_record(std::string_view text) {
    boost::system::error_code error;
    const boost::json::value json = boost::json::parse(text, error);
    if (error || number_of(as_object(json), "version") != 1) {
        return std::nullopt;
    }
    SetupRecord record;
    for (const boost::json::value& value : list_of(as_object(json), "files")) {
        ReplacedFile file{
            .path = raw_text(as_object(value), "path"), .before = {}, .after = {}, .folders = {}};
        if (!file.path.starts_with('/') || !decode(as_object(value), "before", file.before) ||
            !decode(as_object(value), "after", file.after)) {
            return std::nullopt;
        }
        for (const boost::json::value& folder : list_of(as_object(value), "folders")) {
            file.folders.push_back(scalar_text(folder));
        }
        record.files.push_back(std::move(file));
    }
    return record;
}

} // namespace

ReplacedFile* SetupRecord::find(std::string_view path) {
    const auto found = std::ranges::find(files, path, &ReplacedFile::path);
    return found != files.end() ? &*found : nullptr;
}

std::string SetupRecordFile::path(const std::string& folder, std::string_view target) {
    return folder + "/" + std::string(target) + ".json";
}

Outcome<SetupRecordFile> SetupRecordFile::open(const std::string& folder, std::string_view target) {
    const std::string path = SetupRecordFile::path(folder, target);
    if (auto made = make_folders_for(path); !made) {
        return tl::unexpected(made.error());
    }
    const int lock = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // 0700: what was replaced may have been closed to others.
    if (lock < 0 || fchmod(lock, 0700) != 0 || flock(lock, LOCK_EX) != 0) {
        const int error = errno;
        if (lock >= 0) {
            close(lock);
        }
        return fail_with("file.unwritable",
                         {{"object", folder}, {"reason", std::generic_category().message(error)}});
    }
    SetupRecordFile file(path, lock);
    auto text = read_settings(path, record_max_bytes);
    if (!text) {
        return tl::unexpected(text.error());
    }
    if (*text) {
        auto record = parse_record(**text);
        if (!record) {
            return fail_with("setup.bad_record", {{"object", path}});
        }
        file.record_ = std::move(*record);
    }
    return file;
}

SetupRecordFile::SetupRecordFile(SetupRecordFile&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)),
      record_(std::move(other.record_)) {}

SetupRecordFile::~SetupRecordFile() {
    if (lock_ >= 0) {
        close(lock_);
    }
}

Outcome<void> SetupRecordFile::write(const SetupRecord& record) {
    const auto text =
        record.files.empty() ? std::nullopt : std::optional(boost::json::serialize(to_json(record)) + "\n");
    return write_settings(path_, text).map([&] { record_ = record; });
}

} // namespace ukey::ctl
