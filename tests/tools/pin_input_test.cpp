// SPDX-License-Identifier: Apache-2.0
#include "tools/pin_input.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tools/person_probe.hpp"

namespace {

using namespace ukey;
using namespace ukey::ctl;

Secret secret(std::string_view text) {
    return Secret({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

std::string code_of_check(std::string_view old_pin, std::string_view new_pin, PinLength length = {}) {
    const auto checked = check_new_pin({secret(old_pin), secret(new_pin)}, length);
    return checked ? "" : checked.error().code;
}

TEST(CheckNewPin, RefusesBeforeTheKeyIsAsked) {
    EXPECT_EQ(code_of_check("123456", "73951460"), "");
    EXPECT_EQ(code_of_check("73951460", "123456"), "pin.new_is_default");
    EXPECT_EQ(code_of_check("73951460", "000000"), "pin.new_is_default");
    EXPECT_EQ(code_of_check("73951460", "73951460"), "pin.new_is_old");
    EXPECT_EQ(code_of_check("123456", "739", {.least = 4, .most = 8}), "pin.new_length");
    EXPECT_EQ(code_of_check("123456", "739514602", {.least = 4, .most = 8}), "pin.new_length");
}

Outcome<PinPair> read_from_pipe(std::string_view text) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    EXPECT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    close(ends[1]);
    auto pins = read_pins(ends[0]);
    close(ends[0]);
    return pins;
}

TEST(ReadPins, TwoLinesFromADescriptor) {
    const auto pins = read_from_pipe("123456\n73951460\n");
    ASSERT_TRUE(pins);
    EXPECT_TRUE(pins->old_pin.equals("123456"));
    EXPECT_TRUE(pins->new_pin.equals("73951460"));
    EXPECT_TRUE(read_from_pipe("123456\r\n73951460")); // from Windows, and without the last line feed
    EXPECT_FALSE(read_from_pipe("123456\n"));
    EXPECT_FALSE(read_from_pipe(""));
    EXPECT_FALSE(read_from_pipe(std::string(100, '1') + "\n73951460\n"));
}

TEST(JudgePinChange, EachAnswerHasItsCode) {
    EXPECT_TRUE(judge_pin_change("CKR_OK"));
    EXPECT_EQ(judge_pin_change("CKR_PIN_INCORRECT").error().code, "pin.incorrect");
    EXPECT_EQ(judge_pin_change("CKR_PIN_LOCKED").error().code, "pin.locked");
    EXPECT_EQ(judge_pin_change("CKR_PIN_LEN_RANGE").error().code, "pin.new_refused");
    EXPECT_EQ(judge_pin_change("CKR_DEVICE_ERROR").error().code, "pin.change_failed");
}

TEST(ChangePin, ProbeThatIsMissingOrSaysNothing) {
    const PinPair pins{secret("123456"), secret("73951460")};
    PersonProbe change{
        .probe = "/nonexistent", .module = "m", .backend = "b", .login_socket = "s", .serial = "1"};
    EXPECT_EQ(change_pin(change, pins).error().code, "pin.no_probe");
    change.probe = "/bin/true";
    EXPECT_EQ(change_pin(change, pins).error().code, "pin.change_unknown");
}

/// A shell script in the place of ukey-probe.
std::string script(const std::string& name, const std::string& body) {
    std::string path = testing::TempDir() + "ukeyctl-" + std::to_string(getpid()) + "-" + name;
    std::ofstream(path) << "#!/bin/sh\n" << body;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
}

TEST(ChangePin, PinsGoThroughThePipeOnly) {
    const std::string probe = script("answers", R"sh(read -r old <&3; read -r new <&3
[ "$old $new $6 $UKEY_PKCS11_MODULE $UKEY_LOGIN_SOCKET" = "123456 73951460 00ff b s" ] || exit 1
case "$*$(env)" in *73951460*) exit 1;; esac
echo '{"done": true, "rv": "CKR_OK"}')sh");
    const PersonProbe change{
        .probe = probe, .module = "m", .backend = "b", .login_socket = "s", .serial = "00ff"};
    const auto rv = change_pin(change, {secret("123456"), secret("73951460")});
    std::filesystem::remove(probe);
    ASSERT_TRUE(rv) << rv.error().places.at("reason");
    EXPECT_EQ(*rv, "CKR_OK");
}

TEST(ChangePin, ProbesOwnRefusalIsTheFailure) {
    const std::string probe = script(
        "refuses",
        R"sh(echo '{"done": false, "code": "module.missing", "object": "/m.so", "reason": "gone", "rv": null}')sh");
    const PersonProbe change{
        .probe = probe, .module = "m", .backend = "b", .login_socket = "s", .serial = "1"};
    const auto rv = change_pin(change, {secret("123456"), secret("73951460")});
    std::filesystem::remove(probe);
    ASSERT_FALSE(rv);
    EXPECT_EQ(rv.error().code, "module.missing");
    EXPECT_EQ(rv.error().places.at("path"), "/m.so");
}

TEST(ChangePin, ProbeThatHangsIsEnded) {
    const std::string probe = script("hangs", "exec sleep 1000\n");
    const PersonProbe change{
        .probe = probe, .module = "m", .backend = "b", .login_socket = "s", .serial = "1"};
    const auto rv = change_pin(change, {secret("123456"), secret("73951460")}, std::chrono::seconds(1));
    std::filesystem::remove(probe);
    ASSERT_FALSE(rv);
    EXPECT_EQ(rv.error().code, "pin.change_unknown");
}

} // namespace
