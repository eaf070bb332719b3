// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a local socket: the kernel's word, not the peer's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/result.hpp"

namespace ukey {

struct Peer {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; ///< supplementary
};

/// SO_PEERCRED and SO_PEERGROUPS (socket(7)): as they were when the peer connected.
Result<Peer> read_peer(int socket);

/// A descriptor that becomes readable when the process ends (pidfd_open(2)); the caller closes it. Taken at
/// accept, so that the number cannot have been given to another process yet. -1: it has ended already.
Result<int> open_pidfd(pid_t pid);

enum class Privilege { read, operate, administer };
std::string_view to_string(Privilege privilege);

/// Which privilege a peer has: root and the daemon's own user administer, members of `operators` operate.
Privilege privilege_of(const Peer& peer, std::optional<gid_t> operators);

/// The id of the group `ukey`; nullopt when there is none (then only root operates). Blocks as long as the
/// computer's user database does (nsswitch.conf(5)).
std::optional<gid_t> operators_group();

/// The user's name, or the number as text when there is none. Blocks likewise.
std::string user_name(uid_t uid);

} // namespace ukey
