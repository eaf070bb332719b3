// SPDX-License-Identifier: Apache-2.0
#include "tools/state/restore.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "daemon/core/big_endian.hpp"
#include "daemon/core/durable_file.hpp"
#include "daemon/store/state_lock.hpp"
#include "tools/audit/whole_file.hpp"
#include "tools/locale.hpp"
#include "tools/output_file.hpp"
#include "tools/progress.hpp"
#include "tools/state/state_folder.hpp"

namespace ukey::ctl {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1024} * 1024;
/// So much is read and written at once.
constexpr std::size_t piece_bytes = std::size_t{256} * 1024;
/// Where SQLite's file format has the application_id, and what a file begins with.
constexpr std::size_t application_id_offset = 68;
constexpr std::size_t header_bytes = 100;
constexpr std::string_view sqlite_magic("SQLite format 3\0", 16);

const SystemClock& system_clock() {
    static const SystemClock clock;
    return clock;
}

tl::unexpected<Failure> unwritable(const std::string& path) {
    return fail_with("file.unwritable",
                     {{"object", path}, {"reason", std::generic_category().message(errno)}});
}

/// "20260401T083000Z", for names.
std::string date_stamp() {
    std::string stamp = format_timestamp(system_clock().now());
    stamp.resize(stamp.find('.'));
    std::erase_if(stamp, [](char sign) { return sign == '-' || sign == ':'; });
    return stamp + "Z";
}

/// `name`, or with a number behind it where that one is taken.
std::string free_name(const std::string& name) {
    std::string candidate = name;
    std::error_code none;
    for (int number = 2; std::filesystem::exists(std::filesystem::symlink_status(candidate, none));
         ++number) {
        candidate = name + "-" + std::to_string(number);
    }
    return candidate;
}

/// The file is opened by whoever calls, the copy is made by the folder's owner: SQLite never works with
/// root's rights on what somebody brings.
class BackupSource {
  public:
    static Outcome<BackupSource> open(const std::string& path);

    Outcome<void> copy_to(const std::string& path) const;

  private:
    BackupSource(std::string path, Descriptor file, std::uint64_t size)
        : path_(std::move(path)), file_(std::move(file)), size_(size) {}

    std::string path_;
    Descriptor file_;
    std::uint64_t size_;
};

Outcome<BackupSource> BackupSource::open(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (file.number() < 0 || fstat(file.number(), &status) != 0) {
        return fail_with("file.unreadable",
                         {{"object", path}, {"reason", std::generic_category().message(errno)}});
    }
    std::string header(header_bytes, '\0');
    const bool whole = S_ISREG(status.st_mode) &&
                       pread(file.number(), header.data(), header.size(), 0) == ssize_t{header_bytes} &&
                       header.starts_with(sqlite_magic);
    if (!whole || read_big_endian(std::string_view(header).substr(application_id_offset, 4)) !=
                      static_cast<std::uint64_t>(backup_application_id)) {
        return fail_with("backup.malformed",
                         {{"object", path}, {"reason", N_("it is another kind of file")}});
    }
    return BackupSource(path, std::move(file), static_cast<std::uint64_t>(status.st_size));
}

Outcome<void> BackupSource::copy_to(const std::string& path) const {
    const Descriptor copy(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (copy.number() < 0) {
        return unwritable(path);
    }
    Progress progress(N_("{done} of {total} MiB copied"), size_ / mebibyte);
    std::string piece(piece_bytes, '\0');
    for (std::uint64_t done = 0;;) {
        const ssize_t length = pread(file_.number(), piece.data(), piece.size(), static_cast<off_t>(done));
        if (length < 0) {
            return fail_with("file.unreadable",
                             {{"object", path_}, {"reason", std::generic_category().message(errno)}});
        }
        if (length == 0) {
            return fsync(copy.number()) == 0 ? Outcome<void>() : unwritable(path);
        }
        if (!write_all(copy, std::string_view(piece).substr(0, static_cast<std::size_t>(length)))) {
            return unwritable(path);
        }
        done += static_cast<std::uint64_t>(length);
        progress.advance_to(done / mebibyte);
    }
}

/// What a person knows is the file that was named, not the copy that was looked at.
tl::unexpected<Failure> about(const std::string& file, Error error) {
    error.object = file;
    return fail_with(as_state_error(std::move(error)));
}

/// The state that is there loses nothing by giving way to the copy.
Outcome<void> check_old_state(const StateFolder& folder, Storage& copy) {
    if (std::error_code none; !std::filesystem::exists(folder.database(), none)) {
        return {};
    }
    std::uint64_t count = 0;
    std::optional<Timestamp> last;
    const auto looked = Storage::open_to_read(folder.database(), system_clock()).and_then([&](Storage state) {
        return state.read([&]() -> Result<void> {
            const auto missing = copy.read([&] { return records_missing_in(state, copy); });
            if (!missing) {
                return tl::unexpected(missing.error());
            }
            count = *missing;
            return state.visit_records(state.head_seq(), 0, [&](const LedgerRecord& record) {
                last = record.time;
                return true;
            });
        });
    });
    if (!looked) {
        return fail_with("state.unknown_records",
                         {{"object", folder.path}, {"reason", looked.error().reason}});
    }
    return count == 0
               ? Outcome<void>()
               : fail_with("state.has_records", {{"object", folder.path},
                                                 {"count", std::to_string(count)},
                                                 {"time", format_timestamp(last.value_or(Timestamp()))}});
}

/// One run of it.
class Restoring {
  public:
    Restoring(const RestoreRequest& request, StateFolder folder, WorkFolder fresh)
        : request_(request), folder_(std::move(folder)), fresh_(std::move(fresh)), stamp_(date_stamp()) {}

    Outcome<Restored> run();

  private:
    Outcome<Backup> check_copy();
    Outcome<void> make_ready(const Backup& backup);
    Outcome<void> keep_configuration(const BackupFacts& facts);
    Outcome<void> exchange();
    std::string database() const { return fresh_.path() + "/ukeyd.db"; }

    const RestoreRequest& request_;
    StateFolder folder_;
    WorkFolder fresh_; ///< becomes the state folder
    std::string stamp_;
    Restored restored_;
};

Outcome<Backup> Restoring::check_copy() {
    auto copy = Storage::open_to_read(database(), system_clock());
    if (!copy) {
        return about(request_.file, copy.error());
    }
    auto backup = read_backup(*copy);
    if (!backup) {
        return about(request_.file, backup.error());
    }
    Progress progress(N_("{done} of {total} records checked"), backup->facts.last_seq);
    const auto checked = copy->read(
        [&] { return check_backup(*copy, *backup, [&](std::uint64_t seq) { progress.advance_to(seq); }); });
    if (!checked) {
        return about(request_.file, checked.error());
    }
    if (!request_.replace) {
        if (const auto nothing_lost = check_old_state(folder_, *copy); !nothing_lost) {
            return tl::unexpected(nothing_lost.error());
        }
    }
    return std::move(*backup);
}

Outcome<void> Restoring::make_ready(const Backup& backup) {
    const BackupFacts& facts = backup.facts;
    const auto made = Database::open_alone(database())
                          .and_then([&](Database copy) {
                              return make_state(copy, {.made = facts.made,
                                                       .made_on = facts.host,
                                                       .restored_on = host_name(),
                                                       .last_seq = facts.last_seq,
                                                       .head = facts.head});
                          })
                          .and_then([&] { return backup.key.save(fresh_.path() + "/workstation.key"); });
    if (!made) {
        return fail_with(as_state_error(made.error()));
    }
    if (chmod(fresh_.path().c_str(), folder_.mode) != 0) {
        return unwritable(fresh_.path());
    }
    return {};
}

/// A configuration that is in force stays; the backup's is there to be compared with it.
Outcome<void> Restoring::keep_configuration(const BackupFacts& facts) {
    if (!facts.configuration) {
        return {};
    }
    std::string path = request_.configuration;
    if (std::error_code none; std::filesystem::exists(path, none)) {
        const auto present = read_whole_file(path);
        if (!present) {
            return fail_with(present.error());
        }
        if (*present == *facts.configuration) {
            return {};
        }
        restored_.configuration_differs = true;
        path = free_name(path + ".restored-" + stamp_);
    }
    restored_.configuration = path;
    auto output = OutputFile::open(path);
    if (!output) {
        return tl::unexpected(output.error());
    }
    output->write(*facts.configuration);
    return output->commit_new();
}

Outcome<void> Restoring::exchange() {
    const std::string kept = free_name(folder_.path + ".replaced-" + stamp_);
    if (renameat2(AT_FDCWD, fresh_.path().c_str(), AT_FDCWD, kept.c_str(), RENAME_NOREPLACE) != 0) {
        return unwritable(kept);
    }
    request_.after(RestoreStep::named);
    if (renameat2(AT_FDCWD, kept.c_str(), AT_FDCWD, folder_.path.c_str(), RENAME_EXCHANGE) != 0) {
        const auto refused = unwritable(folder_.path);
        static_cast<void>(std::rename(kept.c_str(), fresh_.path().c_str())); // to be removed with it
        return refused;
    }
    fresh_.release();
    if (!sync_folder_of(folder_.path)) {
        return unwritable(folder_.path);
    }
    restored_.kept = kept;
    request_.after(RestoreStep::exchanged);
    std::error_code none;
    const StateFolder old{.path = kept, .owner = folder_.owner, .mode = folder_.mode};
    if (!std::filesystem::exists(old.database(), none) && !std::filesystem::exists(old.key(), none) &&
        remove_folder(kept, folder_.owner)) {
        restored_.kept.clear(); // nothing was there
    }
    return {};
}

Outcome<Restored> Restoring::run() {
    const auto source = BackupSource::open(request_.file);
    if (!source) {
        return tl::unexpected(source.error());
    }
    std::optional<StateLock> lock; // the service is not to start in the new folder either, until all is done
    {
        const ActingAs acting(folder_.owner);
        auto taken = StateLock::take(fresh_.path());
        if (!taken) {
            return fail_with(taken.error());
        }
        lock.emplace(std::move(*taken));
        if (const auto copied = source->copy_to(database()); !copied) {
            return tl::unexpected(copied.error());
        }
        request_.after(RestoreStep::copied);
        const auto backup = check_copy();
        if (!backup) {
            return tl::unexpected(backup.error());
        }
        request_.after(RestoreStep::checked);
        if (const auto ready = make_ready(*backup); !ready) {
            return tl::unexpected(ready.error());
        }
        request_.after(RestoreStep::made_ready);
        restored_.facts = backup->facts;
    }
    if (const auto kept = keep_configuration(restored_.facts); !kept) {
        return tl::unexpected(kept.error());
    }
    request_.after(RestoreStep::configuration_kept);
    return exchange().map([&] { return std::move(restored_); });
}

} // namespace

Outcome<Restored> restore(const RestoreRequest& request) {
    auto folder = StateFolder::find(request.state_dir, "restore");
    if (!folder) {
        return tl::unexpected(folder.error());
    }
    const auto lock = [&] {
        const ActingAs acting(folder->owner);
        return StateLock::take(folder->path);
    }();
    if (!lock) {
        return fail_with(lock.error());
    }
    auto fresh = WorkFolder::make(folder->path + ".restoring", folder->owner);
    if (!fresh) {
        return tl::unexpected(fresh.error());
    }
    return Restoring(request, std::move(*folder), std::move(*fresh)).run();
}

} // namespace ukey::ctl
