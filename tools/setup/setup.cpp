// SPDX-License-Identifier: Apache-2.0
#include "tools/setup/setup.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <pwd.h>
#include <unistd.h>

#include "tools/filter_configuration.hpp"
#include "tools/program_files.hpp"
#include "tools/setup/settings_file.hpp"
#include "tools/setup/setup_record.hpp"

namespace ukey::ctl {
namespace {

std::string home_folder() {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    const bool known =
        getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
    return known ? found->pw_dir : "/nonexistent";
}

Outcome<void> check_change(const SetupTarget& target, const std::string& path) {
    return target.may_change != nullptr ? target.may_change(path) : Outcome<void>();
}

/// What this edit is remembered as; one on top of an earlier one of ours goes back to before both.
void remember(SetupRecord& record, const FileEdit& edit, std::vector<std::string> folders) {
    ReplacedFile* known = record.find(edit.path);
    if (known == nullptr) {
        record.files.push_back({edit.path, edit.before, edit.after, std::move(folders)});
    } else if (known->after == edit.before) {
        known->after = edit.after;
    } else {
        known->before = edit.before;
        known->after = edit.after;
    }
}

/// The file is still what the plan was made from.
Outcome<void> write_edit(const FileEdit& edit) {
    auto now = read_settings(edit.path);
    if (!now) {
        return tl::unexpected(now.error());
    }
    if (*now != edit.before) {
        return fail_with("setup.changed_meanwhile", {{"object", edit.path}});
    }
    return write_settings(edit.path, edit.after);
}

Outcome<void> write_all(const std::vector<FileEdit>& edits) {
    for (std::size_t done = 0; done < edits.size(); ++done) {
        auto written = write_edit(edits[done]);
        if (!written) {
            while (done-- > 0) { // all or none
                (void)write_settings(edits[done].path, edits[done].before);
            }
            return written;
        }
    }
    return {};
}

void remove_folders(const std::vector<std::string>& folders) {
    std::for_each(folders.rbegin(), folders.rend(), [](const std::string& folder) {
        rmdir(folder.c_str()); // stays when someone else has put something into it
    });
}

} // namespace

SetupCaller SetupCaller::current() {
    const bool root = geteuid() == 0;
    const std::string home = home_folder();
    return {.root = root,
            .home = home,
            .state_folder = root ? "/var/lib/ukey-setup" : home + "/.local/state/ukey-setup"};
}

Outcome<SetupQuestion> setup_question() {
    SetupQuestion question{.caller = SetupCaller::current(), .filter = find_filter(), .backend = {}};
    if (question.filter.empty()) {
        return fail_with("filter.missing");
    }
    const FilterConfiguration configuration = load_filter_configuration();
    std::error_code ignored;
    if (!configuration.backend.starts_with('/') ||
        !std::filesystem::is_regular_file(configuration.backend, ignored)) {
        return fail_with("setup.no_backend",
                         {{"object", configuration.file}, {"path", configuration.backend}});
    }
    question.backend = configuration.backend;
    return question;
}

Outcome<void> apply_setup(const SetupTarget& target, const SetupCaller& caller,
                          const std::vector<FileEdit>& edits) {
    std::vector<FileEdit> wanted;
    for (const FileEdit& edit : edits) {
        if (edit.applied()) {
            continue;
        }
        if (auto allowed = check_change(target, edit.path); !allowed) {
            return allowed;
        }
        wanted.push_back(edit);
    }
    if (wanted.empty()) {
        return {};
    }
    auto store = SetupRecordFile::open(caller.state_folder, target.name);
    if (!store) {
        return tl::unexpected(store.error());
    }
    SetupRecord record = store->record();
    std::vector<std::string> made;
    for (const FileEdit& edit : wanted) {
        auto folders = make_folders_for(edit.path);
        if (!folders) {
            remove_folders(made);
            return tl::unexpected(folders.error());
        }
        made.insert(made.end(), folders->begin(), folders->end());
        remember(record, edit, std::move(*folders));
    }
    // Before the files: whatever ends this program here, what was there can be had back.
    const SetupRecord old = store->record();
    auto done = store->write(record).and_then([&] { return write_all(wanted); });
    if (!done) {
        (void)store->write(old);
        remove_folders(made);
    }
    return done;
}

Outcome<SetupReverted> revert_setup(const SetupTarget& target, const SetupCaller& caller) {
    SetupReverted reverted;
    std::error_code ignored;
    if (!std::filesystem::exists(SetupRecordFile::path(caller.state_folder, target.name), ignored)) {
        return reverted; // and no folder is made for nothing
    }
    auto store = SetupRecordFile::open(caller.state_folder, target.name);
    if (!store) {
        return tl::unexpected(store.error());
    }
    SetupRecord left;
    SetupRecord record = store->record();
    std::ranges::reverse(record.files); // as they depend on one another
    for (const ReplacedFile& file : record.files) {
        auto now = read_settings(file.path);
        if (now && *now == file.after) {
            auto restored = check_change(target, file.path).and_then([&] {
                return write_settings(file.path, file.before);
            });
            if (!restored) {
                return tl::unexpected(
                    restored.error()); // the record still has all; those restored are skipped next time
            }
            reverted.paths.push_back(file.path);
        } else if (!now || *now != file.before) {
            left.files.insert(left.files.begin(), file);
            reverted.notes.push_back({"setup.changed_since",
                                      file.path,
                                      {{"object", file.path}, {"target", std::string(target.name)}}});
            continue;
        }
        remove_folders(file.folders);
    }
    return store->write(left).map([&] {
        rmdir(caller.state_folder.c_str()); // stays with another target's record in it
        return reverted;
    });
}

} // namespace ukey::ctl
