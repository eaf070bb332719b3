// SPDX-License-Identifier: Apache-2.0
// Every bound of the filter module, with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ukey::filter {

/// How long one call may wait for the daemon, all in all: a person does not notice it beside typing a PIN.
constexpr std::chrono::milliseconds login_wait_default{200};
/// More than this is a mistake in the configuration.
constexpr std::chrono::milliseconds login_wait_max{10'000};
/// After one call has waited in vain, the following ones don't wait until this has passed or the socket
/// changes.
constexpr std::chrono::seconds daemon_back_off{2};
/// The daemon counts one user's reports by the minute: a report that was one too many is told again after it.
constexpr std::chrono::seconds rate_limit_pause{60};
/// Reports kept for a daemon that is away. What comes when it is full is dropped and counted; the oldest
/// stay, because a report means something only after the ones before it. A login still open is told anyway.
constexpr std::size_t pending_records_max = 64;
/// Sessions whose slot is known without asking the backend; for more it is asked. A browser has a few dozen.
constexpr std::size_t tracked_sessions_max = 4096;
/// Places looked at for one session: one or two cache lines.
constexpr std::size_t session_probe_max = 8;
/// Slots of one backend whose logins are followed to their end. Readers times applets: a handful.
constexpr std::size_t tracked_slots_max = 64;
/// /etc/ukeyd/pkcs11.conf has six lines.
constexpr std::size_t configuration_max_bytes = std::size_t{64} * 1024;
/// Words of one value there: PINs that everyone knows, programs that run unattended.
constexpr std::size_t configuration_words_max = 64;
/// What a message says of a path (its end: the file's name) and of this program's own name, which may be as
/// long as an argument of execve(2): a message has to fit one frame.
constexpr std::size_t path_max_bytes = 1024;
constexpr std::size_t application_max_bytes = 64;
/// Threads that load the backend at the same moment and are known as such. For more, a backend that leads
/// back to the filter is seen only when one of them is done.
constexpr std::size_t loading_threads_max = 32;
/// What a thread's first exception may allocate besides itself: thread-local storage, and the list of it.
constexpr std::size_t exception_room_bytes = 4096;
/// What is read from the socket at once: answers are some hundred bytes.
constexpr std::size_t receive_bytes = 4096;
/// Every message of the daemon answers one of ours; so many more on one connection are not held against it.
constexpr std::uint64_t unasked_messages_max = 16;
/// Attempts to hand one message over: a connection may turn out dead at the first.
constexpr int connect_attempts_max = 2;
/// A login's id is 128 random bits: no two are the same.
constexpr std::size_t login_id_bytes = 16;

} // namespace ukey::filter
