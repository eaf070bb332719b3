// SPDX-License-Identifier: Apache-2.0
// The other end of the login channel, as a test wants it: notes every frame, answers by script.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/frame.hpp"

namespace ukey::test {

class LoginPeer {
  public:
    enum class Answer {
        allow,
        warn,
        deny,
        silent,        ///< reads, never answers
        silent_result, ///< answers questions, confirms nothing
        write_failed,  ///< answers questions, cannot write its ledger
        rate_limited,  ///< answers questions, and ends; had too many reports of logins this minute
        garbage,
        wrong_version,
        unknown_verdict,
        close,
    };

    /// Listens at the path until it is destroyed; then the socket file is gone too.
    LoginPeer(std::string socket_path, Answer answer);
    ~LoginPeer();
    LoginPeer(const LoginPeer&) = delete;
    LoginPeer& operator=(const LoginPeer&) = delete;

    void answer_with(Answer answer);
    /// A slow service: each question is answered so much later.
    void answer_questions_after(std::chrono::milliseconds delay);
    /// Verdicts have this member `attest` from now on.
    void challenge_with(boost::json::object attest);

    /// What has come so far, of one type or (empty) of all, in order.
    std::vector<boost::json::object> messages(std::string_view type = {}) const;
    /// The same, once there are at least `count`; after ten seconds what there is.
    std::vector<boost::json::object> wait_for(std::string_view type, std::size_t count) const;
    /// Every byte that ever came.
    std::string bytes() const;

    std::size_t connections_made() const;
    /// Waits until no connection is open any more; false after ten seconds.
    bool wait_until_all_closed() const;

  private:
    void serve();
    void accept_one();
    /// False when the connection is to be closed.
    bool read_from(int connection, FrameDecoder& decoder);
    bool reply(int connection, const boost::json::object& message);

    std::string socket_path_;
    int listener_ = -1;
    int stop_reader_ = -1;
    int stop_writer_ = -1;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Answer answer_;
    std::chrono::milliseconds question_delay_{0};
    boost::json::object attest_;
    std::vector<boost::json::object> messages_;
    std::string bytes_;
    std::size_t connections_made_ = 0;
    std::map<int, FrameDecoder> connections_;
    std::thread thread_;
};

} // namespace ukey::test
