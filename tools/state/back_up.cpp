// SPDX-License-Identifier: Apache-2.0
#include "tools/state/back_up.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "daemon/core/durable_file.hpp"
#include "tools/audit/whole_file.hpp"
#include "tools/locale.hpp"
#include "tools/output_file.hpp"
#include "tools/progress.hpp"
#include "tools/state/state_folder.hpp"

namespace ukey::ctl {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1024} * 1024;
/// A change of keys that is under way has its record before its file: it is over at once.
constexpr int looks_for_the_key = 20;
/// The service may just be opening its database.
constexpr const char* patience = "PRAGMA busy_timeout=10000";

Result<std::optional<std::string>> read_configuration(const std::string& path) {
    if (std::error_code none; !std::filesystem::exists(path, none)) {
        return std::nullopt;
    }
    return read_whole_file(path).map([](std::string text) { return std::optional(std::move(text)); });
}

/// The key in the folder that signs this ledger; nullopt: it is not there (any more).
Result<std::optional<WorkstationKey>> fitting_key(Storage& state, const StateFolder& folder) {
    const auto signer = signing_fingerprint(state);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    auto key = WorkstationKey::load(folder.key());
    auto next = WorkstationKey::load(next_key_path(folder.key()));
    if (key && key->fingerprint() == signer->value_or(key->fingerprint())) {
        return std::optional(std::move(*key));
    }
    if (next && next->fingerprint() == *signer) {
        return std::optional(std::move(*next));
    }
    if (!key) {
        return tl::unexpected(key.error());
    }
    return std::nullopt;
}

/// Of one moment: the database as it is read here, and the key that signs it.
class Copying {
  public:
    Copying(Storage& state, const StateFolder& folder, std::string path)
        : state_(state), folder_(folder), path_(std::move(path)) {}

    /// nullopt: the key was just being changed.
    Result<std::optional<Backup>> copy(std::optional<std::string> configuration);

  private:
    Result<Backup> copy_with(WorkstationKey key, std::optional<std::string> configuration);

    Storage& state_;
    const StateFolder& folder_;
    std::string path_;
};

Result<std::optional<Backup>> Copying::copy(std::optional<std::string> configuration) {
    auto key = [&] {
        const ActingAs acting(folder_.owner);
        return fitting_key(state_, folder_);
    }();
    if (!key) {
        return tl::unexpected(key.error());
    }
    if (!*key) {
        return std::nullopt;
    }
    return copy_with(std::move(**key), std::move(configuration)).map([](Backup backup) {
        return std::optional(std::move(backup));
    });
}

Result<Backup> Copying::copy_with(WorkstationKey key, std::optional<std::string> configuration) {
    auto copy = Database::open_alone(path_);
    if (!copy) {
        return tl::unexpected(copy.error());
    }
    const Timestamp made = state_.now();
    std::optional<Progress> progress;
    UKEY_TRY(state_.database().copy_to(*copy, [&](std::uint64_t done, std::uint64_t total) {
        if (!progress) {
            progress.emplace(N_("{done} of {total} MiB copied"), total / mebibyte);
        }
        progress->advance_to(done / mebibyte);
    }));
    const std::string fingerprint = key.fingerprint();
    Backup backup{.facts = {.made = made,
                            .host = host_name(),
                            .software = "ukeyctl " UKEY_VERSION,
                            .workstation = fingerprint,
                            .last_seq = state_.head_seq(),
                            .head = state_.head_hash(),
                            .configuration = std::move(configuration)},
                  .key = std::move(key)};
    UKEY_TRY(make_backup(*copy, backup));
    return backup;
}

Result<BackupFacts> write_backup(const StateFolder& folder, const BackupRequest& request,
                                 const std::string& path) {
    auto configuration = read_configuration(request.configuration);
    if (!configuration) {
        return tl::unexpected(configuration.error());
    }
    static const SystemClock clock;
    auto state = [&] {
        const ActingAs acting(folder.owner);
        // What it needs beside the database, SQLite opens with the first look.
        return Storage::open_to_read(folder.database(), clock)
            .and_then([](Storage storage) -> Result<Storage> {
                UKEY_TRY(storage.database().execute(patience));
                UKEY_TRY(storage.read([]() -> Result<void> { return {}; }));
                return storage;
            });
    }();
    if (!state) {
        return tl::unexpected(state.error());
    }
    Copying copying(*state, folder, path);
    for (int look = 0; look < looks_for_the_key; ++look) {
        auto backup = state->read([&] { return copying.copy(*configuration); });
        if (!backup) {
            return tl::unexpected(backup.error());
        }
        if (*backup) {
            return std::move((*backup)->facts);
        }
    }
    return fail("workstation.key_unusable", "back up the workstation's key", folder.key(),
                N_("it is not the one that signs this ledger"));
}

} // namespace

Outcome<BackupMade> back_up(const BackupRequest& request) {
    const auto folder = StateFolder::find(request.state_dir, "backup");
    if (!folder) {
        return tl::unexpected(folder.error());
    }
    if (std::error_code none; std::filesystem::exists(request.output, none)) {
        return fail_with("file.other_content", {{"object", request.output}});
    }
    const auto work = WorkFolder::make(request.output + ".part", current_owner());
    if (!work) {
        return tl::unexpected(work.error());
    }
    const std::string part = work->path() + "/backup";
    // First, so that SQLite need not make it: it is nobody else's from the beginning.
    if (const Descriptor made(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        made.number() < 0) {
        return fail_with("file.unwritable",
                         {{"object", part}, {"reason", std::generic_category().message(errno)}});
    }
    auto facts = write_backup(*folder, request, part);
    if (!facts) {
        return fail_with(as_state_error(facts.error()));
    }
    if (const auto placed = place_new(part, request.output); !placed) {
        return tl::unexpected(placed.error());
    }
    std::error_code unknown;
    return BackupMade{std::move(*facts), std::filesystem::file_size(request.output, unknown)};
}

} // namespace ukey::ctl
