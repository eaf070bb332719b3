// SPDX-License-Identifier: Apache-2.0
// A daemon's control channel as a test wants it: a thread that answers every request with prepared frames.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

namespace ukey::test {

/// The frames that answer one request, without their `id`; after the last one with "hang_up" the connection
/// is closed.
using Answer = std::vector<boost::json::object>;
using Handler = std::function<Answer(const boost::json::object& request)>;

class FakeControlServer {
  public:
    /// Listens in a new temporary folder.
    explicit FakeControlServer(Handler handler);
    FakeControlServer(const FakeControlServer&) = delete; // owns thread and folder
    FakeControlServer& operator=(const FakeControlServer&) = delete;
    ~FakeControlServer();

    const std::string& folder() const { return folder_; }
    std::string socket_path() const { return folder_ + "/control.sock"; }
    /// What was asked so far.
    std::vector<boost::json::object> requests() const;

  private:
    void serve();
    void serve_connection(int connection);
    bool answer(int connection, const boost::json::object& request);

    Handler handler_;
    std::string folder_;
    int listener_ = -1;
    int stop_ = -1; ///< eventfd
    mutable std::mutex mutex_;
    std::vector<boost::json::object> requests_;
    std::thread thread_; // last: everything else is there when it starts
};

/// A result in one frame, and an error.
Answer result(boost::json::object result);
Answer error(const std::string& code, boost::json::object arguments = {});

/// Status of a daemon with one key that may log in and one that is refused.
boost::json::object example_status();

} // namespace ukey::test
