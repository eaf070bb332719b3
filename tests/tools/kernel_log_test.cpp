// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/kernel_log.hpp"

#include <gtest/gtest.h>

namespace ukey::ctl {
namespace {

constexpr std::chrono::microseconds now = std::chrono::hours(2);

std::string line(std::chrono::microseconds time, const std::string& message) {
    return "6,1," + std::to_string(time.count()) + ",-;" + message + "\n SUBSYSTEM=usb\n DEVICE=c189:4\n";
}

TEST(KernelLog, PortsAreThoseOfSysfs) {
    const auto ports =
        parse_kernel_log(line(now, "usb 1-2: device descriptor read/64, error -71") +
                             line(now, "usb usb3-port4: unable to enumerate USB device") +
                             line(now, "usb 1-1-port2: Cannot enable. Maybe the USB cable is bad?") +
                             line(now, "usb 1-1.3-port2: over-current condition"),
                         now);
    ASSERT_EQ(ports.size(), 4U);
    EXPECT_EQ(ports.at("1-2").errors, 1U);
    EXPECT_EQ(ports.at("1-2").last_error, "device descriptor read/64, error -71");
    EXPECT_EQ(ports.at("3-4").errors, 1U);
    EXPECT_EQ(ports.at("1-1.2").errors, 1U);
    EXPECT_EQ(ports.at("1-1.3.2").over_currents, 1U);
}

TEST(KernelLog, KindsOfTrouble) {
    const auto ports = parse_kernel_log(
        line(now, "usb 1-2: reset full-speed USB device number 5 using xhci_hcd") +
            line(now, "usb 1-2: device not accepting address 5, error -71") +
            line(now, "usb 1-3: rejected 1 configuration due to insufficient available bus power") +
            line(now, "usb 1-4: new full-speed USB device number 5 using xhci_hcd"),
        now);
    EXPECT_EQ(ports.at("1-2").resets, 1U);
    EXPECT_EQ(ports.at("1-2").errors, 1U);
    EXPECT_TRUE(ports.at("1-3").no_power);
    EXPECT_FALSE(ports.contains("1-4")) << "nothing is wrong there";
}

TEST(KernelLog, WhatWasBeforeADeviceWasFoundIsOver) {
    const std::string errors = line(now, "usb 1-2: device descriptor read/64, error -71");
    const std::string found = line(now, "usb 1-2: New USB device found, idVendor=096e, idProduct=0807");
    EXPECT_TRUE(parse_kernel_log(errors + found, now).empty());
    EXPECT_EQ(parse_kernel_log(found + errors, now).at("1-2").errors, 1U);
}

TEST(KernelLog, OldMessagesDoNotCount) {
    const auto old = now - kernel_log_window - std::chrono::seconds(1);
    EXPECT_TRUE(parse_kernel_log(line(old, "usb 1-2: device descriptor read/64, error -71"), now).empty());
}

TEST(KernelLog, DisconnectsAreCountedWithinAMinute) {
    std::string slow;
    std::string quick;
    for (int number = 0; number < 8; ++number) {
        slow +=
            line(now - std::chrono::seconds(60 * (8 - number)), "usb 1-2: USB disconnect, device number 5");
        quick += line(now - std::chrono::seconds(300 - number), "usb 1-2: USB disconnect, device number 5");
    }
    EXPECT_LE(parse_kernel_log(slow, now).at("1-2").disconnects, 2U) << "a person who tries again and again";
    EXPECT_EQ(parse_kernel_log(quick, now).at("1-2").disconnects, 8U);
}

TEST(KernelLog, AnythingElseIsPassedOver) {
    for (const char* text : {"", "\n", ";", "6,1;usb 1-2: x", "6,1,x,-;usb 1-2: device descriptor read/64",
                             " usb 1-2: device descriptor read/64", "6,1,7200000000,-;usb",
                             "6,1,7200000000,-;usb :", "6,1,7200000000,-;hub 1-0:1.0: 4 ports detected"}) {
        EXPECT_TRUE(parse_kernel_log(text, now).empty()) << text;
    }
}

TEST(KernelLog, OneThatMayNotBeReadSaysWhy) {
    const KernelLog log = read_kernel_log("/nonexistent/kmsg");
    EXPECT_FALSE(log.readable);
    EXPECT_EQ(log.reason, "No such file or directory");
}

} // namespace
} // namespace ukey::ctl
