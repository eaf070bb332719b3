// SPDX-License-Identifier: Apache-2.0
#include "daemon/peer.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace ukey {
namespace {

/// An entry of the group or user database: some ten thousand members of a group.
constexpr std::size_t name_entry_max_bytes = std::size_t{1024} * 1024;

std::string errno_text() {
    return std::error_code(errno, std::generic_category()).message();
}

} // namespace

Result<Peer> read_peer(int socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return fail("internal.error", "identify the peer", "SO_PEERCRED", errno_text());
    }
    Peer peer{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid, .groups = {}};
    length = 0;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &length) != 0 && errno == ERANGE) {
        peer.groups.resize(length / sizeof(gid_t));
        if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length) != 0) {
            return fail("internal.error", "identify the peer", "SO_PEERGROUPS", errno_text());
        }
    }
    return peer;
}

Result<int> open_pidfd(pid_t pid) {
    const long descriptor = syscall(SYS_pidfd_open, pid, 0U); // glibc 2.36 has no wrapper
    if (descriptor < 0 && errno == ESRCH) {
        return -1;
    }
    if (descriptor < 0) {
        return fail("internal.error", "watch the process", std::to_string(pid), errno_text());
    }
    return static_cast<int>(descriptor);
}

std::string_view to_string(Privilege privilege) {
    switch (privilege) {
    case Privilege::read:
        return "read";
    case Privilege::operate:
        return "operate";
    case Privilege::administer:
        return "administer";
    }
    return "administer";
}

Privilege privilege_of(const Peer& peer, std::optional<gid_t> operators) {
    if (peer.uid == 0 || peer.uid == geteuid()) {
        return Privilege::administer;
    }
    if (operators &&
        (peer.gid == *operators || std::ranges::find(peer.groups, *operators) != peer.groups.end())) {
        return Privilege::operate;
    }
    return Privilege::read;
}

std::optional<gid_t> operators_group() {
    group entry{};
    group* found = nullptr;
    std::vector<char> buffer(4096);
    // A group of many members needs more room, and says only that.
    while (getgrnam_r("ukey", &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
           buffer.size() < name_entry_max_bytes) {
        buffer.resize(buffer.size() * 2);
    }
    return found == nullptr ? std::nullopt : std::optional(found->gr_gid);
}

std::string user_name(uid_t uid) {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(4096);
    while (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
           buffer.size() < name_entry_max_bytes) {
        buffer.resize(buffer.size() * 2);
    }
    return found == nullptr ? std::to_string(uid) : found->pw_name;
}

} // namespace ukey
