// SPDX-License-Identifier: Apache-2.0
#include "daemon/channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>

#include "daemon/report_exception.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class ChannelTest : public ::testing::Test {
  protected:
    ChannelTest() : peer_(io_) {
        LocalSocket socket(io_);
        asio::local::connect_pair(socket, peer_);
        channel_.emplace(std::move(socket), control_frame_max_bytes);
    }

    /// Sends until one message has failed, and one more; the channel waits at once, as nobody reads.
    void start_sending() {
        asio::co_spawn(
            io_,
            [this]() -> asio::awaitable<void> {
                const boost::json::object message{{"text", std::string(100'000, 'x')}};
                while (co_await channel_->send(message)) {
                }
                sent_after_failure_ = co_await channel_->send(message);
                over_ = true;
            },
            report_exception());
        while (io_.poll() > 0) {
        }
        EXPECT_FALSE(over_);
    }

    asio::io_context io_{1};
    LocalSocket peer_;
    std::optional<Channel> channel_;
    bool over_ = false;
    bool sent_after_failure_ = true;
};

TEST_F(ChannelTest, PeerThatGoesWhileAMessageWaitsEndsAllSending) {
    start_sending();
    peer_.close();
    io_.run_for(10s);
    EXPECT_TRUE(over_);
    EXPECT_FALSE(sent_after_failure_);
}

TEST_F(ChannelTest, ShutDownEndsSendingAndLeavesWhatHasCome) {
    const std::string frame = encode_frame({{"text", "last"}});
    EXPECT_EQ(::send(peer_.native_handle(), frame.data(), frame.size(), 0),
              static_cast<ssize_t>(frame.size()));
    start_sending();
    channel_->shut_down(); // the peer stays, as with a child that keeps the descriptor
    std::vector<Result<std::optional<boost::json::object>>> received;
    asio::co_spawn(
        io_,
        [&]() -> asio::awaitable<void> {
            for (int message = 0; message < 2; ++message) {
                received.push_back(co_await channel_->receive());
            }
        },
        report_exception());
    io_.run_for(10s);
    EXPECT_TRUE(over_);
    ASSERT_EQ(received.size(), 2U);
    EXPECT_EQ(received[0].value().value().at("text"), "last");
    EXPECT_EQ(received[1].value(), std::nullopt);
}

} // namespace
} // namespace ukey
