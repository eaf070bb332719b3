// SPDX-License-Identifier: Apache-2.0
// What the daemon has been told and what it still has to hear: asks before a login, reports afterwards, keeps
// what finds no daemon and delivers it in order when there is one again. Not thread-safe.
//
// No function waits beyond its deadline, and none waits at all for a while after one has waited in vain.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "pkcs11/module/bounds.hpp"
#include "pkcs11/module/login_connection.hpp"
#include "pkcs11/module/login_message.hpp"
#include "pkcs11/module/login_signature.hpp"
#include "pkcs11/module/use_counter.hpp"

namespace ukey::filter {

/// A login that succeeded.
struct LoginBegin {
    SlotIndex slot;
    std::uint64_t number; ///< UseCounter::begin()
    boost::json::object result;
    /// The daemon did not answer before it.
    bool late;
    /// On which connection the challenge came that `result` answers.
    std::uint64_t challenge_generation;
};

struct LoginEnd {
    SlotIndex slot;
    std::uint64_t number;
    std::string_view reason; ///< `logout`, `sessions_closed`, `finalized`
    std::uint64_t uses;
    Timestamp ended_at;
};

/// Any other report: a login that failed, a PIN function.
struct OtherReport {
    boost::json::object message;
    bool late;
};

class LoginClient {
  public:
    LoginClient(std::string socket_path, std::chrono::milliseconds wait, UseCounter& uses)
        : connection_(std::move(socket_path)), wait_(wait), uses_(uses) {}

    struct Verdict {
        std::string word; ///< `allow`, `warn`, `deny`
        std::optional<LoginChallenge> challenge;
        std::uint64_t generation = 0; ///< of the connection on which it came
    };
    /// The daemon's verdict to an ask_message(); nullopt when none came in time.
    std::optional<Verdict> ask(boost::json::object message, Deadline deadline);

    // What has happened; deliver() tells it. These wait only when there is no more room.

    /// It is told again on every new connection until it ends.
    void note(LoginBegin begin, Deadline deadline);
    /// One that comes before its beginning waits for it.
    void note(const LoginEnd& end, Deadline deadline);
    /// Told once.
    void note(OtherReport report, Deadline deadline);

    /// Tells what is noted, if anything is, and waits for the answers.
    void deliver(Deadline deadline);

    /// The first use of a login's key: sent if that is possible at once, otherwise with the next report.
    void tell_use(SlotIndex slot);

    /// Ends the connection unless an answer is still to come on it.
    void close_if_all_told();
    /// The module goes, or the process ends: one more attempt to tell what has not been confirmed, and how
    /// often the keys of the logins that are open were used.
    void close(Deadline deadline);
    void abandon_in_child() { connection_.abandon_in_child(); }

  private:
    /// A message that the daemon has to answer with `recorded`.
    struct Record {
        boost::json::object message;
        /// The login it is about, for `result` and `end`.
        std::string login;
        /// The slot, while the login that this is the `result` of is open.
        std::optional<SlotIndex> open_slot;
        bool late = false;
        /// Under which number it was sent on the present connection; 0: not yet.
        std::uint64_t request = 0;
        /// The daemon hears no more of this user until then.
        std::chrono::steady_clock::time_point not_before{};
    };
    struct OpenLogin {
        std::string login;
        std::uint64_t number = 0;
        boost::json::object result; ///< without attestation: that is for the first time only
        /// On which connection the daemon was told of it; 0: on none yet.
        std::uint64_t told_generation = 0;
        std::uint64_t told_uses = 0;
    };

    bool reach_daemon(Deadline deadline);
    void read_waiting_answers();
    bool backing_off() const;
    void back_off();
    void waited_in_vain(std::chrono::steady_clock::time_point since);
    void connection_is_new();
    void tell_again(SlotIndex slot);
    void handle(const boost::json::object& answer);
    void take_verdict(const boost::json::object& answer);
    /// not_now: the ledger cannot be written at the moment. not_yet: too many reports came from this user.
    enum class Answer : std::uint8_t { recorded, refused, not_now, not_yet };
    void answered(std::uint64_t request, Answer answer);

    void make_room(Deadline deadline);
    void add(Record record);
    void add_ended(LoginBegin begin, const std::string& login, const LoginEnd& end);
    std::optional<LoginEnd> take_early_end(SlotIndex slot, std::uint64_t number);
    void end_open(const LoginEnd& end);
    Record* result_record(const std::string& login);
    void try_to_deliver(Deadline deadline);
    void send_records();
    bool may_be_sent(const Record& record);
    bool send_record(Record& record);
    bool all_sent_are_answered() const;
    void wait_for_answers(Deadline deadline);
    void tell_untold_uses();
    void tell_grown_uses();
    std::uint64_t uses_of(SlotIndex slot) const;

    LoginConnection connection_;
    std::chrono::milliseconds wait_;
    UseCounter& uses_;
    std::deque<Record> records_;
    std::array<std::optional<OpenLogin>, tracked_slots_max> open_{};
    /// Of logins that are still to be noted.
    std::vector<LoginEnd> early_ends_;
    /// Records that found no room, were too long for a frame, or were refused by the daemon.
    std::uint64_t dropped_ = 0;
    std::uint64_t next_request_ = 1;
    std::uint64_t known_generation_ = 0;
    std::chrono::steady_clock::time_point back_off_until_{};
    /// The question under way, and its answer.
    std::uint64_t asked_request_ = 0;
    std::optional<Verdict> verdict_;
};

} // namespace ukey::filter
