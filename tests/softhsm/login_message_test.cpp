// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_message.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include <boost/json/serialize.hpp>

#include "daemon/core/frame.hpp"
#include "daemon/core/text.hpp"
#include "pkcs11/module/bounds.hpp"

namespace ukey::filter {
namespace {

using namespace std::chrono_literals;

std::string text_at(std::chrono::sys_days day, std::chrono::microseconds since) {
    return format_timestamp(std::chrono::time_point_cast<Timestamp::duration>(day + since));
}

TEST(LoginMessageTest, timestamp_is_of_the_calendar) {
    using namespace std::chrono;
    EXPECT_EQ(text_at(sys_days(1970y / January / 1), 0us), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(text_at(sys_days(1969y / December / 31), 24h - 1us), "1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(text_at(sys_days(2024y / February / 29), 23h + 59min + 58s + 7us),
              "2024-02-29T23:59:58.000007Z");
    EXPECT_EQ(text_at(sys_days(2100y / March / 1), 1h + 2min + 3s + 456789us), "2100-03-01T01:02:03.456789Z");
}

TEST(LoginMessageTest, claim_of_an_endless_name_is_bounded_and_well_formed) {
    char* const before = program_invocation_short_name;
    std::string name(application_max_bytes - 1, 'a');
    name += "党支部";
    program_invocation_short_name = name.data();
    const std::string application(process_claim().at("application").as_string());
    program_invocation_short_name = before;
    EXPECT_EQ(application, name.substr(0, application_max_bytes - 1)) << "cut before a character";
    EXPECT_EQ(to_printable_utf8(application), application);
}

TEST(LoginMessageTest, path_of_the_backend_is_bounded_keeps_its_end_and_is_printable) {
    AskDetails details;
    details.backend_path = std::string(40'000, '\x01') + "/党支部/opensc-\xFFpkcs11.so";
    const boost::json::object message = ask_message({}, details);
    const std::string backend(message.at("filter").at("backend").as_string());
    EXPECT_LE(backend.size(), path_max_bytes);
    EXPECT_TRUE(backend.starts_with("…"));
    EXPECT_TRUE(backend.ends_with("/党支部/opensc-\xEF\xBF\xBDpkcs11.so"));
    EXPECT_EQ(to_printable_utf8(backend), backend);
    EXPECT_LE(encode_frame(message).size(), login_frame_max_bytes);
}

TEST(LoginMessageTest, ordinary_names_are_left_as_they_are) {
    AskDetails details;
    details.backend_path = "/usr/lib/党/opensc-pkcs11.so";
    const boost::json::object message = ask_message({}, details);
    EXPECT_EQ(message.at("filter").at("backend").as_string(), details.backend_path);
    EXPECT_EQ(process_claim().at("application").as_string(), program_invocation_short_name);
}

} // namespace
} // namespace ukey::filter
