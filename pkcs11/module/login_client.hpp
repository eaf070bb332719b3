// SPDX-License-Identifier: Apache-2.0
// What the daemon has been told and what it still has to hear: asks before a login, reports afterwards, keeps
// what finds no daemon and delivers it in order when there is one again. Not thread-safe.
//
// Every function waits at most the configured time, all in all, and not at all for a while after it waited in
// vain.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "pkcs11/module/bounds.hpp"
#include "pkcs11/module/login_connection.hpp"
#include "pkcs11/module/login_signature.hpp"
#include "pkcs11/module/use_counter.hpp"

namespace ukey::filter {

class LoginClient {
  public:
    LoginClient(std::string socket_path, std::chrono::milliseconds wait, UseCounter& uses)
        : connection_(std::move(socket_path)), wait_(wait), uses_(uses) {}

    struct Verdict {
        std::string word; ///< `allow`, `warn`, `deny`
        std::optional<LoginChallenge> challenge;
    };
    /// The daemon's verdict to an ask_message(); nullopt when none came in time.
    std::optional<Verdict> ask(boost::json::object message);

    /// A login that succeeded, by its result_message(). Its uses are counted from here (UseCounter::begin),
    /// and it is told again on every new connection until it ends. `late`: the daemon did not answer before
    /// it.
    void login_began(SlotIndex slot, boost::json::object result, bool late);
    /// Any other report (a login that failed, a PIN function): told once.
    void report(boost::json::object message, bool late);
    /// The slot's login ends, if one is open: `logout`, `sessions_closed`, `finalized`.
    void login_ended(SlotIndex slot, std::string_view reason);
    /// The same for all slots, with one wait for all.
    void all_ended(std::string_view reason);

    /// The first use of a login's key: sent if that is possible at once, otherwise with the next report.
    void tell_use(SlotIndex slot);

    /// Ends the connection unless an answer is still to come on it.
    void close_if_all_told();
    /// The module goes, or the process ends: one more bounded attempt to tell what has not been confirmed.
    void close();
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
    };
    struct OpenLogin {
        std::string login;
        boost::json::object result;
        /// On which connection the daemon was told of it; 0: on none yet.
        std::uint64_t told_generation = 0;
    };

    Deadline deadline_from_now() const { return std::chrono::steady_clock::now() + wait_; }
    bool reach_daemon(Deadline deadline);
    void read_waiting_answers();
    bool backing_off() const;
    void back_off();
    void connection_is_new();
    void handle(const boost::json::object& answer);
    /// not_now: the ledger cannot be written at the moment.
    enum class Answer : std::uint8_t { recorded, refused, not_now };
    void answered(std::uint64_t request, Answer answer);

    void make_room();
    void add(Record record);
    void queue_end(SlotIndex slot, std::string_view reason);
    Record* result_record(const std::string& login);
    void deliver();
    bool send_records();
    bool send_record(Record& record);
    bool all_sent_are_answered() const;
    void wait_for_answers(Deadline deadline);
    void tell_untold_uses();

    LoginConnection connection_;
    std::chrono::milliseconds wait_;
    UseCounter& uses_;
    std::deque<Record> records_;
    std::array<std::optional<OpenLogin>, tracked_slots_max> open_{};
    /// Records that found no room, and such as the daemon refused.
    std::uint64_t dropped_ = 0;
    std::uint64_t next_request_ = 1;
    std::uint64_t known_generation_ = 0;
    std::chrono::steady_clock::time_point back_off_until_{};
    /// The question under way, and its answer.
    std::uint64_t asked_request_ = 0;
    std::optional<Verdict> verdict_;
};

} // namespace ukey::filter
