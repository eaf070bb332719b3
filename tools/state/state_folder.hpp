// SPDX-License-Identifier: Apache-2.0
// The service's state folder from outside of the service, and who may touch it.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "tools/failure.hpp"

namespace ukey::ctl {

constexpr const char* default_state_dir = "/var/lib/ukeyd";
/// The sockets too: a connection to one of them would start the service again.
constexpr std::string_view start_service_command =
    "systemctl start ukeyd-login.socket ukeyd-control.socket ukeyd.service";

/// Of a folder.
struct Owner {
    uid_t user = 0;
    gid_t group = 0;
};

/// As long as it lives, root opens and makes files as `owner` would: what that user has put in the way (a
/// link to another file) leads no further than that user could go. Without effect for others, and where root
/// is the owner.
class ActingAs {
  public:
    explicit ActingAs(const Owner& owner);
    ~ActingAs();
    ActingAs(const ActingAs&) = delete; // it would be undone twice
    ActingAs& operator=(const ActingAs&) = delete;

  private:
    bool changed_;
    std::vector<gid_t> groups_; ///< root's own
};

struct StateFolder {
    std::string path; ///< without links in it
    Owner owner;
    mode_t mode = 0;

    std::string database() const { return path + "/ukeyd.db"; }
    std::string key() const { return path + "/workstation.key"; }

    /// The folder must be there. `verb` is what is to be done with it. Errors `file.unreadable` and
    /// `state.needs_root`: the caller is neither root nor the folder's owner.
    static Outcome<StateFolder> find(const std::string& path, std::string_view verb);
};

/// A folder that only its maker can enter: what is made in it is nobody else's to see or to replace.
class WorkFolder {
  public:
    /// Makes it, with that owner. One that an earlier run left makes way; another folder of that name stays,
    /// and is an error. Error `file.unwritable`.
    static Outcome<WorkFolder> make(const std::string& path, const Owner& owner);
    WorkFolder(WorkFolder&& other) noexcept;
    WorkFolder& operator=(WorkFolder&&) = delete;
    WorkFolder(const WorkFolder&) = delete; // owns the folder
    WorkFolder& operator=(const WorkFolder&) = delete;
    /// Removes it with what is in it.
    ~WorkFolder();

    const std::string& path() const { return path_; }
    /// It has become something else, and stays.
    void release() { path_.clear(); }

  private:
    WorkFolder(std::string path, const Owner& owner) : path_(std::move(path)), owner_(owner) {}

    std::string path_;
    Owner owner_;
};

/// Who makes files now.
Owner current_owner();

/// Removes a folder with what is in it. False: something is left.
bool remove_folder(const std::string& path, const Owner& owner);

/// The computer's name.
std::string host_name();

/// A database's error as one of this program: of the disk, not of the ledger.
Error as_state_error(Error error);

} // namespace ukey::ctl
