// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/diagnosis.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/tools/fake_control_server.hpp"
#include "tools/diagnosis/layers.hpp"
#include "tools/json_view.hpp"

namespace {

using namespace ukey;
using namespace ukey::ctl;

ComputerView view(Outcome<boost::json::object> status) {
    return {
        .status = std::move(status),
        .config_path = "/etc/ukeyd/ukeyd.toml",
        .configuration = Configuration(),
        .pcscd_socket = "/run/pcscd/pcscd.comm",
        .pcscd_refusal = std::nullopt,
        .pcscd_socket_exists = true,
        .filter = "/usr/lib/ukey-pkcs11.so",
        .pcsc = {.state = PcscState::answered, .reason = {}, .readers = {}},
        .clock = {.now = parse_timestamp("2026-04-01T08:30:00Z").value(), .not_before = {}, .witness = {}}};
}

Outcome<boost::json::object> daemon_away() {
    return fail_with("daemon.unreachable", {{"object", "/run/ukeyd/control.sock"}, {"reason", "away"}});
}

const Check& named(const std::vector<Check>& checks, std::string_view name) {
    return *std::ranges::find(checks, name, &Check::name);
}

LocalDevice root_hub() {
    LocalDevice hub;
    hub.device.port = "usb1";
    return hub;
}

TEST(Doctor, NamesWhatIsMissingForEnforce) {
    auto computer = view(test::example_status());
    computer.devices = {root_hub()};
    const auto checks = doctor_checks(computer);
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

/// A computer with everything, as far as an invented status has it.
ComputerView whole_computer() {
    auto computer = view(test::example_status());
    computer.devices = {root_hub()};
    computer.configuration->trust_paths = {"/etc/ukeyd/trust"};
    return computer;
}

TEST(Doctor, IsADiagnosisWithoutAKey) {
    const auto verdict = [](const ComputerView& computer) { return judge_computer(doctor_checks(computer)); };
    EXPECT_EQ(verdict(whole_computer()), ComputerVerdict::in_order);

    auto computer = whole_computer();
    computer.devices.clear();
    EXPECT_EQ(code_of(named(doctor_checks(computer), "usb_bus")), "usb.no_controller");
    EXPECT_EQ(verdict(computer), ComputerVerdict::fix_this_computer);

    computer = whole_computer();
    computer.kernel_log.ports["1-4"].over_currents = 1;
    EXPECT_EQ(code_of(named(doctor_checks(computer), "usb_bus")), "usb.over_current");

    computer = whole_computer();
    computer.clock.not_before = computer.clock.now + std::chrono::hours(1);
    EXPECT_EQ(code_of(named(doctor_checks(computer), "clock")), "clock.behind");

    computer = whole_computer();
    computer.pcsc.readers.push_back({.name = "Feitian ePass2003 0 00 00", .atr = {}, .gone = true});
    EXPECT_EQ(code_of(named(doctor_checks(computer), "pcscd")), "reader.stale");
    EXPECT_EQ(verdict(computer), ComputerVerdict::fix_this_computer);

    auto starting = test::example_status();
    for (boost::json::value& module : starting["modules"].as_array()) {
        module.as_object()["state"] = "starting";
        module.as_object()["findings"] = boost::json::array();
    }
    computer = whole_computer();
    computer.status = starting;
    EXPECT_EQ(verdict(computer), ComputerVerdict::cannot_tell);
}

TEST(Diagnose, EveryLayerOfAKeyThatWorks) {
    const auto computer = view(test::example_status());
    const auto targets = find_targets(computer.status, {}, "0a1b");
    ASSERT_EQ(targets.size(), 1U);
    const auto layers = diagnose_target(targets.front(), computer);
    EXPECT_EQ(layers.size(), 12U);
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

LocalDevice feitian() {
    LocalDevice local;
    local.device.bus = 1;
    local.device.address = 4;
    local.device.port = "1-2";
    local.device.vendor_id = 0x096e;
    local.device.product_id = 0x0807;
    local.device.interface_classes = {0x0b};
    local.drivers = {"-"};
    local.node = "/dev/bus/usb/001/004";
    local.node_exists = true;
    return local;
}

TEST(Diagnose, LocalDeviceIsFoundWhileTheDaemonIsAway) {
    LocalDevice local = feitian();
    local.node_exists = false;
    const auto computer = view(daemon_away());
    const auto targets = find_targets(computer.status, {local}, "");
    ASSERT_EQ(targets.size(), 1U);
    const auto layers = diagnose_target(targets.front(), computer);
    EXPECT_EQ(named(layers, "usb_bus").state, CheckState::ok);
    EXPECT_EQ(first_failed(layers)->name, "device_node");
}

TEST(Diagnose, ReaderIsATargetOnlyWhileTheServiceCannotSayWhatIsInIt) {
    LocalDevice reader = feitian();
    reader.device.vendor_id = 0x08e6;
    reader.device.product_id = 0x4433;
    EXPECT_TRUE(find_targets(test::example_status(), {reader}, "1-2").front().local)
        << "asked for by its port";
    const auto with_service = find_targets(test::example_status(), {reader}, "");
    EXPECT_TRUE(
        std::ranges::none_of(with_service, [](const Target& target) { return target.local.has_value(); }));
    const auto computer = view(daemon_away());
    auto targets = find_targets(computer.status, {reader}, "");
    ASSERT_EQ(targets.size(), 1U);
    const Diagnosis made = diagnose(targets.front(), computer, {"0123", "前台"}, {});
    EXPECT_EQ(made.judgement.verdict, ukey::ctl::Verdict::fix_this_computer);
}

/// What pcscd says of the device's reader, and the code that comes of it.
TEST(Diagnose, ReaderOfTheDevice) {
    const PcscReader good{.name = "Feitian ePass2003 00 00", .atr = "3b00", .has_card = true};
    const auto code_of = [&](PcscReader reader, unsigned resets = 0) {
        auto computer = view(test::example_status());
        computer.devices = {feitian()};
        computer.pcsc.readers = {std::move(reader)};
        computer.kernel_log.ports["1-2"].resets = resets;
        const Target target{.name = "1-2", .key = {}, .device = {}, .local = feitian()};
        const Check check = check_reader(target, computer);
        return check.finding.empty() ? std::string(to_string(check.state)) : raw_text(check.finding, "code");
    };
    PcscReader reader = good;
    EXPECT_EQ(code_of(reader), "ok");
    reader.mute = true;
    EXPECT_EQ(code_of(reader), "reader.mute");
    EXPECT_EQ(code_of(reader, 1), "reader.stale") << "the port was reset";
    reader = good;
    reader.has_card = false;
    EXPECT_EQ(code_of(reader), "reader.empty");
    reader = good;
    reader.exclusive = true;
    EXPECT_EQ(code_of(reader), "reader.exclusive");
    reader = good;
    reader.gone = true;
    EXPECT_EQ(code_of(reader), "reader.stale");
    reader.name = "Another reader 00 00";
    EXPECT_EQ(code_of(reader), "usb.no_reader") << "what is gone is nobody's";
    reader.gone = false;
    EXPECT_EQ(code_of(reader), "unknown") << "it may be this device's";
    reader.name = "Virtual PCD 00 00";
    EXPECT_EQ(code_of(reader), "usb.no_reader");
}

TEST(Diagnose, ClockBeforeTheProgramWasMade) {
    auto computer = view(test::example_status());
    computer.clock.not_before = parse_timestamp("2026-06-01T00:00:00Z").value();
    EXPECT_EQ(raw_text(check_clock(computer).finding, "code"), "clock.behind");
    computer.clock.not_before = parse_timestamp("2026-03-01T00:00:00Z").value();
    EXPECT_EQ(check_clock(computer).state, CheckState::ok);
}

TEST(Diagnosis, ItsFileIsReadOnAnotherComputer) {
    auto computer = view(test::example_status());
    computer.devices = {feitian()};
    auto targets = find_targets(computer.status, computer.devices, "1-2");
    ASSERT_EQ(targets.size(), 1U);
    const Diagnosis made = diagnose(targets.front(), computer, {"0123", "前台"}, {});
    const std::string text = boost::json::serialize(to_json(std::vector{made}));
    const auto read = parse_diagnoses(text, "file");
    ASSERT_TRUE(read);
    ASSERT_EQ(read->size(), 1U);
    EXPECT_EQ(read->front().computer, "0123");
    EXPECT_EQ(read->front().computer_name, "前台");
    EXPECT_EQ(read->front().faults, made.evidence.faults);
    EXPECT_EQ(read->front().usb_id, "096e:0807");
    EXPECT_EQ(read->front().port, "1-2");
    EXPECT_EQ(read->front().time, made.time);
    EXPECT_EQ(read->front().complete, made.evidence.complete);
}

TEST(Diagnosis, WhatIsNoneIsSaid) {
    for (const char* text :
         {"", "{", "[]", "{}", R"({"format":"ukey-diagnosis-v2","diagnoses":[]})",
          R"({"format":"ukey-diagnosis-v1","diagnoses":[{}]})",
          R"({"format":"ukey-diagnosis-v1","diagnoses":[{"time":"2026-04-01T00:00:00Z","evidence":
              {"complete":true,"service_away":false,"faults":"self_test.failed"}}]})",
          R"({"format":"ukey-diagnosis-v1","diagnoses":[{"time":"2026-04-01T00:00:00Z","evidence":
              {"complete":true,"service_away":false,"faults":[7]}}]})"}) {
        const auto read = parse_diagnoses(text, "file");
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, "diagnosis.malformed");
    }
}

} // namespace
