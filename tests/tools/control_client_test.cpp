// SPDX-License-Identifier: Apache-2.0
#include "tools/control_client.hpp"

#include <gtest/gtest.h>

#include "tests/tools/fake_control_server.hpp"

namespace {

using namespace ukey::ctl;
using namespace ukey::test;

TEST(ControlClient, ResultOfOneFrame) {
    FakeControlServer server([](const auto&) { return result({{"mode", "observe"}}); });
    auto client = ControlClient::connect(server.socket_path());
    ASSERT_TRUE(client);
    const auto answer = client->call("status");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->at("mode"), "observe");
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests.front().at("verb"), "status");
    EXPECT_TRUE(requests.front().at("arguments").is_object());
}

TEST(ControlClient, PartsComeInOrderBeforeTheResult) {
    FakeControlServer server([](const auto&) -> Answer {
        return {{{"more", true}, {"part", {1, 2}}},
                {{"more", true}, {"part", {3}}},
                {{"result", {{"count", 3}}}}};
    });
    auto client = ControlClient::connect(server.socket_path());
    std::vector<std::int64_t> parts;
    const auto answer = client->call("org.list", {}, [&](const boost::json::value& part) {
        parts.push_back(part.as_int64());
        return true;
    });
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->at("count"), 3);
    EXPECT_EQ(parts, (std::vector<std::int64_t>{1, 2, 3}));
}

TEST(ControlClient, HandlerMayEndTheStream) {
    FakeControlServer server([](const auto&) -> Answer { return {{{"more", true}, {"part", {1, 2, 3}}}}; });
    auto client = ControlClient::connect(server.socket_path());
    int seen = 0;
    const auto answer = client->call("watch", {}, [&](const auto&) { return ++seen < 2; });
    EXPECT_TRUE(answer);
    EXPECT_EQ(seen, 2);
}

TEST(ControlClient, DaemonsErrorKeepsCodeAndArguments) {
    FakeControlServer server([](const auto&) { return error("key.not_found", {{"object", "zz"}}); });
    auto client = ControlClient::connect(server.socket_path());
    const auto answer = client->call("key.show");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "key.not_found");
    EXPECT_EQ(answer.error().places.at("object"), "zz");
    EXPECT_EQ(answer.error().message, "in English");
}

TEST(ControlClient, ConnectionThatEndsEarlyIsUnreachable) {
    FakeControlServer server([](const auto&) -> Answer {
        return {{{"more", true}, {"part", {1}}}, {{"hang_up", true}}};
    });
    auto client = ControlClient::connect(server.socket_path());
    const auto answer = client->call("watch");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "daemon.unreachable");
}

TEST(ControlClient, SilenceEndsAfterTheWait) {
    FakeControlServer server([](const auto&) -> Answer { return {}; });
    auto client = ControlClient::connect(server.socket_path());
    const auto answer = client->call("status", {}, {}, std::chrono::seconds(1));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "daemon.unreachable");
}

TEST(ControlClient, NoSocketAndTooLongAPath) {
    EXPECT_EQ(ControlClient::connect("/nonexistent/control.sock").error().code, "daemon.unreachable");
    EXPECT_EQ(ControlClient::connect("/" + std::string(300, 'x')).error().code, "daemon.unreachable");
}

} // namespace
