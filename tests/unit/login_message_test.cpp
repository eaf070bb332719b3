// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_message.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "daemon/login/rate_limit.hpp"

namespace ukey {
namespace {

Result<LoginMessage> decode(const std::string& text) {
    return decode_login_message(boost::json::parse(text).as_object());
}

constexpr const char* ask =
    R"({"type":"ask","request":7,"token":{"manufacturer":"m","model":"o","serial":"s"},"claim":{"executable":"/x","application":"x"}})";

TEST(LoginMessage, AskIsDecoded) {
    const auto message = decode(ask);
    ASSERT_TRUE(message);
    const auto& decoded = std::get<AskMessage>(*message);
    EXPECT_EQ(decoded.request, 7);
    EXPECT_EQ(decoded.token, (KeyIdentity{"m", "o", "s"}));
    EXPECT_EQ(decoded.claim.executable, "/x");
}

TEST(LoginMessage, WhatAFilterMayNotSayIsRefused) {
    const std::string login(32, 'a');
    EXPECT_TRUE(
        decode(R"({"type":"end","request":1,"login":")" + login + R"(","reason":"logout","uses":1})"));
    EXPECT_EQ(
        decode(R"({"type":"end","request":1,"login":")" + login + R"(","reason":"key_removed","uses":1})")
            .error()
            .object,
        "reason");
    EXPECT_EQ(decode(R"({"type":"use","login":"AAAA","uses":1})").error().object, "login");
    EXPECT_EQ(decode(R"({"type":"use","login":")" + login + R"(","uses":-1})").error().object, "uses");
    EXPECT_EQ(decode(R"({"type":"use","login":")" + login + R"("})").error().object, "uses");
    EXPECT_EQ(decode(R"({"type":"what"})").error().object, "type");
    EXPECT_EQ(decode(R"({})").error().object, "type");
    std::string long_serial(ask);
    long_serial.replace(long_serial.find("\"s\""), 3, "\"" + std::string(500, 's') + "\"");
    EXPECT_EQ(decode(long_serial).error().object, "token.serial");
}

/// `ask` with these words for its program.
LoginClaim claim(const std::string& executable, const std::string& application) {
    boost::json::object message = boost::json::parse(ask).as_object();
    message["claim"] = boost::json::object{{"executable", executable}, {"application", application}};
    return std::get<AskMessage>(decode_login_message(message).value()).claim;
}

TEST(LoginMessage, ClaimIsCutToWhatIsRecordedAfterItsConversion) {
    const LoginClaim short_one = claim("/usr/bin/browser", "browser");
    EXPECT_EQ(short_one.executable, "/usr/bin/browser");
    EXPECT_EQ(short_one.application, "browser");
    // Control characters become U+FFFD, of three bytes each: the cut is between two of them.
    const LoginClaim controls = claim(std::string(4096, '\x7f') + "/name", std::string(4096, '\x7f'));
    EXPECT_EQ(controls.executable.size(), 5U + 339U * 3U);
    EXPECT_TRUE(controls.executable.ends_with("\uFFFD/name"));
    EXPECT_EQ(controls.application.size(), 21U * 3U);
    const LoginClaim exact = claim(std::string(1024, 'x'), std::string(64, 'x'));
    EXPECT_EQ(exact.executable.size(), 1024U);
    EXPECT_EQ(exact.application.size(), 64U);
}

TEST(LoginMessage, WhatIsTooLongAfterItsConversionIsRefused) {
    std::string serial(ask);
    serial.replace(serial.find("\"s\""), 3, "\"" + std::string(100, '\x7f') + "\"");
    EXPECT_EQ(decode(serial).error().object, "token.serial");
}

TEST(LoginMessage, MoreUsesThanThereCanBeAreRefused) {
    const std::string begin = R"({"type":"use","login":")" + std::string(32, 'a') + R"(","uses":)";
    EXPECT_TRUE(decode(begin + "1000000000000}"));
    EXPECT_EQ(decode(begin + "1000000000001}").error().object, "uses");
    EXPECT_EQ(decode(begin + "18446744073709551615}").error().object, "uses");
}

TEST(LoginMessage, OnlyThePinFlagsThatThereAreAreKept) {
    std::string text(ask);
    text.insert(text.size() - 1, R"(,"pin_flags":["user_pin_locked","\u0001","user_pin_final_try"])");
    EXPECT_EQ(*std::get<AskMessage>(decode(text).value()).pin_flags,
              (std::set<std::string, std::less<>>{"user_pin_final_try", "user_pin_locked"}));
}

TEST(RateLimit, CountsPerUserAndMinute) {
    RateLimit limit(2);
    using namespace std::chrono_literals;
    EXPECT_TRUE(limit.take(1, 100s).allowed);
    EXPECT_TRUE(limit.take(1, 100s).allowed);
    EXPECT_FALSE(limit.take(1, 110s).allowed);
    EXPECT_FALSE(limit.take(1, 120s).allowed);
    EXPECT_TRUE(limit.take(2, 120s).allowed) << "another user";
    const auto next = limit.take(1, 161s);
    EXPECT_TRUE(next.allowed);
    EXPECT_EQ(next.left_out_before, 2U);
    EXPECT_EQ(limit.take(1, 162s).left_out_before, 0U);
}

/// How many reports are allowed to a user who sends twenty in each of these minutes of uptime.
std::uint64_t allowed(RateLimit& limit, std::chrono::minutes from, std::chrono::minutes minutes) {
    std::uint64_t allowed = 0;
    for (std::chrono::minutes minute = from; minute < from + minutes; ++minute) {
        for (int report = 0; report < 20; ++report) {
            allowed += limit.take(1, minute).allowed ? 1 : 0;
        }
    }
    return allowed;
}

TEST(RateLimit, HoursAndDaysHaveABudgetToo) {
    RateLimit limit(10);
    using namespace std::chrono_literals;
    EXPECT_EQ(allowed(limit, 100min, 60min), 10 * RateLimit::minutes_worth_per_hour);
    EXPECT_EQ(allowed(limit, 160min, 23h),
              10 * RateLimit::minutes_worth_per_day - 10 * RateLimit::minutes_worth_per_hour);
    EXPECT_EQ(allowed(limit, 100min + 24h, 1min), 10U) << "the next day";
}

TEST(RateLimit, WhatCouldNotBeToldIsToldLater) {
    RateLimit limit(1);
    using namespace std::chrono_literals;
    for (int report = 0; report < 4; ++report) {
        limit.take(1, 100s);
    }
    const auto next = limit.take(1, 160s);
    EXPECT_EQ(next.left_out_before, 3U);
    limit.put_back(1, next.left_out_before);
    EXPECT_EQ(limit.take(1, 161s).left_out_before, 0U);
    EXPECT_EQ(limit.take(1, 220s).left_out_before, 4U);
}

TEST(RateLimit, WhatWasLeftOutIsToldAlsoWhenTheUserFallsSilent) {
    RateLimit limit(1);
    using namespace std::chrono_literals;
    for (int report = 0; report < 4; ++report) {
        limit.take(1, 100s);
        limit.take(2, 130s);
    }
    EXPECT_TRUE(limit.take_left_out(159s).empty());
    EXPECT_EQ(limit.take_left_out(160s), (std::map<std::uint32_t, std::uint64_t>{{1, 3}}));
    EXPECT_EQ(limit.take(1, 161s).left_out_before, 0U) << "told already";
    EXPECT_EQ(limit.take_left_out(std::nullopt), (std::map<std::uint32_t, std::uint64_t>{{2, 3}}));
}

} // namespace
} // namespace ukey
