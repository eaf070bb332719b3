// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/post.hpp>

#include "tests/card/virtual_ukey/link/control_client.hpp"
#include "tests/card/virtual_ukey/link/control_server.hpp"
#include "tests/card/virtual_ukey/link/vpcd_reader.hpp"
#include "tests/card/virtual_ukey/test/card_fixture.hpp"
#include "tests/card/virtual_ukey/test/peer.hpp"

namespace ukey::virtual_card {
namespace {

namespace json = boost::json;

class ControlServerTest : public CardTest {
  protected:
    void SetUp() override {
        CardTest::SetUp();
        make_card(KeyAlgorithm::p_256);
        peer_ = std::make_unique<Peer>(folder_ / "vpcd");
        reader_ = std::make_unique<VpcdReader>(context_, *card_,
                                               ReaderAddress{{}, {}, (folder_ / "vpcd").string()});
        server_ = std::make_unique<ControlServer>(context_, *card_, *reader_, [this] { quit_ = true; });
        ASSERT_TRUE(server_->listen(folder_ / "control"));
        boost::asio::co_spawn(context_, server_->run(), [](const std::exception_ptr&) {});
        running_ = std::make_unique<RunningReader>(context_, *reader_);
    }
    void TearDown() override {
        boost::asio::post(context_, [this] { server_->stop(); });
        running_.reset();
        EXPECT_FALSE(std::filesystem::exists(folder_ / "control"));
        server_.reset();
        reader_.reset();
        CardTest::TearDown();
    }

    json::object tell(const std::string& command) const {
        const auto answer = send_control_command(folder_ / "control", command);
        EXPECT_TRUE(answer);
        return answer ? json::parse(*answer).as_object() : json::object();
    }

    boost::asio::io_context context_;
    std::unique_ptr<Peer> peer_;
    std::unique_ptr<VpcdReader> reader_;
    std::unique_ptr<ControlServer> server_;
    std::unique_ptr<RunningReader> running_;
    bool quit_ = false;
};

TEST_F(ControlServerTest, inserts_and_removes) {
    EXPECT_EQ(tell(R"({"do":"insert"})").at("inserted"), true);
    EXPECT_EQ(tell(R"({"do":"status"})").at("connected"), true);
    EXPECT_EQ(tell(R"({"do":"remove"})").at("inserted"), false);
    EXPECT_EQ(tell(R"({"do":"status"})").at("inserted"), false);
}

TEST_F(ControlServerTest, insertion_into_no_reader_is_reported) {
    peer_.reset();
    EXPECT_EQ(tell(R"({"do":"insert","timeout_ms":30})").at("ok"), false);
}

TEST_F(ControlServerTest, sets_faults) {
    EXPECT_EQ(tell(R"({"do":"fault","fault":"locked"})").at("ok"), true);
    EXPECT_EQ(tell(R"({"do":"status"})").at("pin_locked"), true);
    EXPECT_EQ(tell(R"({"do":"fault","fault":"none"})").at("ok"), true);
    EXPECT_EQ(tell(R"({"do":"status"})").at("retries_left"), 3);
    EXPECT_EQ(tell(R"({"do":"reload"})").at("ok"), true);
}

TEST_F(ControlServerTest, malformed_commands_are_refused) {
    for (const char* command : {"", "garbage", "[]", "{}", R"({"do":7})", R"({"do":"dance"})",
                                R"({"do":"fault"})", R"({"do":"fault","fault":"none","delay_ms":-1})"})
        EXPECT_EQ(tell(command).at("ok"), false) << command;
}

TEST_F(ControlServerTest, quits) {
    EXPECT_EQ(tell(R"({"do":"quit"})").at("ok"), true);
    EXPECT_TRUE(quit_);
}

} // namespace
} // namespace ukey::virtual_card
