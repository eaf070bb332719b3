// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/layers.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/tools/fake_control_server.hpp"
#include "tools/json_view.hpp"

namespace {

using namespace ukey;
using namespace ukey::ctl;

ComputerView view(Outcome<boost::json::object> status) {
    return {.status = std::move(status),
            .config_path = "/etc/ukeyd/ukeyd.toml",
            .configuration = Configuration(),
            .pcscd_socket = "/run/pcscd/pcscd.comm",
            .pcscd_refusal = std::nullopt,
            .pcscd_socket_exists = true,
            .filter = "/usr/lib/ukey-pkcs11.so"};
}

Outcome<boost::json::object> daemon_away() {
    return fail_with("daemon.unreachable", {{"object", "/run/ukeyd/control.sock"}, {"reason", "away"}});
}

const Check& named(const std::vector<Check>& checks, std::string_view name) {
    return *std::ranges::find(checks, name, &Check::name);
}

TEST(Doctor, NamesWhatIsMissingForEnforce) {
    const auto checks = doctor_checks(view(test::example_status()));
    EXPECT_EQ(named(checks, "daemon").state, CheckState::ok);
    EXPECT_EQ(named(checks, "trust").state, CheckState::failed);
    EXPECT_EQ(named(checks, "mode").found.items, std::vector<std::string_view>{named(checks, "trust").title});
}

TEST(Doctor, TellsOfACaFileThatTheServiceCannotRead) {
    auto status = test::example_status();
    status["findings"].as_array().push_back(
        boost::json::object{{"code", "trust.unreadable"}, {"subject", "/etc/ukeyd/trust/root.pem"}});
    auto computer = view(status);
    computer.configuration->trust_paths = {"/etc/ukeyd/trust"};
    const auto checks = doctor_checks(computer);
    EXPECT_EQ(named(checks, "trust").state, CheckState::failed);
    EXPECT_EQ(named(checks, "trust").finding.at("code"), "trust.unreadable");
}

TEST(Doctor, WorksWithoutTheDaemon) {
    auto computer = view(daemon_away());
    computer.pcscd_refusal = "No such file or directory";
    computer.pcscd_socket_exists = false;
    const auto checks = doctor_checks(computer);
    EXPECT_EQ(raw_text(named(checks, "daemon").finding, "code"), "daemon.unreachable");
    EXPECT_EQ(raw_text(named(checks, "pcscd").finding, "code"), "pcscd.absent");
    EXPECT_EQ(named(checks, "modules").state, CheckState::unknown);
}

TEST(Diagnose, EveryLayerOfAKeyThatWorks) {
    const auto computer = view(test::example_status());
    const auto targets = find_targets(computer.status, {}, "0a1b");
    ASSERT_EQ(targets.size(), 1U);
    const auto layers = diagnose_target(targets.front(), computer);
    EXPECT_EQ(layers.size(), 10U);
    EXPECT_EQ(first_failed(layers), nullptr);
    EXPECT_EQ(named(layers, "usb_bus").state, CheckState::skipped); // a virtual reader has no USB device
    EXPECT_EQ(named(layers, "token").state, CheckState::ok);
}

TEST(Diagnose, NothingOnTheBus) {
    const auto computer = view(daemon_away());
    const auto layers = diagnose_target({}, computer);
    ASSERT_NE(first_failed(layers), nullptr);
    EXPECT_EQ(first_failed(layers)->name, "usb_bus");
    EXPECT_EQ(named(layers, "token").state, CheckState::unknown);
}

TEST(Diagnose, LockedPinIsTheFirstFailingLayer) {
    auto status = test::example_status();
    status["keys"].as_array()[0].as_object()["findings"] = {{{"code", "pin.locked"}, {"severity", "error"}}};
    const auto computer = view(status);
    const auto layers = diagnose_target(find_targets(computer.status, {}, "0a1b").front(), computer);
    ASSERT_NE(first_failed(layers), nullptr);
    EXPECT_EQ(first_failed(layers)->name, "pin");
}

TEST(Diagnose, LocalDeviceIsFoundWhileTheDaemonIsAway) {
    LocalDevice local{.device = {.bus = 1,
                                 .address = 4,
                                 .port = "1-2",
                                 .vendor_id = 0x096e,
                                 .product_id = 0x0807,
                                 .manufacturer = {},
                                 .product = {},
                                 .serial = {},
                                 .interface_classes = {0x0b}},
                      .drivers = {"-"},
                      .node = "/dev/bus/usb/001/004",
                      .node_exists = false};
    const auto computer = view(daemon_away());
    const auto targets = find_targets(computer.status, {local}, "");
    ASSERT_EQ(targets.size(), 1U);
    const auto layers = diagnose_target(targets.front(), computer);
    EXPECT_EQ(named(layers, "usb_bus").state, CheckState::ok);
    EXPECT_EQ(first_failed(layers)->name, "device_node");
}

} // namespace
