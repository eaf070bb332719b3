// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/verdict.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "tools/local_messages.hpp"

namespace ukey::ctl {
namespace {

const Timestamp noon = parse_timestamp("2026-04-01T04:00:00Z").value();

/// Here, of a key that is seen at a port, with these faults.
Evidence here(std::vector<std::string> faults) {
    return {.computer = "here",
            .computer_name = "前台",
            .port = "1-2",
            .usb_id = "096e:0807",
            .usb_serial = "0001",
            .key = "0a1b2c3d4e5f",
            .serial = "00ff",
            .time = noon,
            .faults = std::move(faults),
            .service_away = false,
            .complete = true,
            .virtual_machine = false};
}

Evidence elsewhere(std::vector<std::string> faults) {
    Evidence other = here(std::move(faults));
    other.computer = "elsewhere";
    other.computer_name = "财务";
    other.time = noon - std::chrono::hours(1);
    return other;
}

/// Another key at the same port of this computer.
Evidence other_key(std::vector<std::string> faults) {
    Evidence other = here(std::move(faults));
    other.key = "ffffffffffff";
    other.serial = "0100";
    other.usb_serial = "0002";
    other.time = noon - std::chrono::hours(1);
    return other;
}

Verdict verdict(const Evidence& now, const std::vector<Evidence>& previous = {}) {
    return judge(now, previous).verdict;
}

/// Each row of the table by itself.
TEST(Verdict, EachFaultAlone) {
    for (const FaultRule& rule : fault_rules()) {
        SCOPED_TRACE(rule.code);
        const std::vector faults{std::string(rule.code)};
        switch (rule.side) {
        case Side::chip:
            EXPECT_EQ(verdict(here(faults)), Verdict::return_key);
            break;
        case Side::computer:
            EXPECT_EQ(verdict(here(faults)), Verdict::fix_this_computer);
            EXPECT_EQ(verdict(here(faults), {elsewhere(faults)}), Verdict::fix_this_computer);
            break;
        case Side::person:
            EXPECT_EQ(verdict(here(faults)), Verdict::user_action);
            EXPECT_EQ(verdict(here(faults), {elsewhere(faults)}), Verdict::user_action);
            break;
        case Side::suspicion:
            EXPECT_EQ(verdict(here(faults)), Verdict::try_another_computer);
            EXPECT_EQ(verdict(here(faults), {elsewhere(faults)}), rule.proved);
            EXPECT_EQ(verdict(here(faults), {other_key({})}),
                      rule.proof == Proof::other_key_too ? rule.proved : Verdict::try_another_computer);
            EXPECT_EQ(verdict(here(faults), {elsewhere({})}), Verdict::fix_this_computer);
            break;
        case Side::note:
            EXPECT_EQ(verdict(here(faults)), Verdict::key_in_order);
            break;
        }
    }
}

/// The table's word is not enough for these: what may ever send a key back, and on whose proof.
TEST(FaultRules, TheseAndNoOthersSendAKeyBack) {
    const std::set<std::string_view> by_itself{"self_test.wrong_signature"};
    const std::set<std::string_view> on_two_computers{"self_test.failed", "self_test.stopped",
                                                      "usb.no_device", "usb.port_errors", "usb.unsteady"};
    const std::set<std::string_view> beside_another_key{"key.unreadable", "reader.empty", "reader.mute"};
    for (const FaultRule& rule : fault_rules()) {
        SCOPED_TRACE(rule.code);
        EXPECT_EQ(rule.side == Side::chip, by_itself.contains(rule.code));
        const bool proved = rule.proof != Proof::none && rule.proved == Verdict::return_key;
        EXPECT_EQ(proved && rule.proof == Proof::two_computers, on_two_computers.contains(rule.code));
        EXPECT_EQ(proved && rule.proof == Proof::other_key_too, beside_another_key.contains(rule.code));
    }
    for (const char* code :
         {"pin.locked", "pin.default", "certificate.expired", "key.returned", "binding.none"}) {
        EXPECT_EQ(rule_of(code).side, Side::person) << code;
    }
    for (const char* code :
         {"pcscd.absent", "module.crashed", "usb.no_middleware", "usb.no_token", "usb.no_reader",
          "reader.stale", "clock.behind", "certificate.untrusted", "usb.over_current"}) {
        EXPECT_EQ(rule_of(code).side, Side::computer) << code;
    }
}

/// A virtual machine sees a key only once it is handed to it: that it sees none proves nothing.
TEST(Verdict, AVirtualMachineProvesNothingOfTheBus) {
    for (const char* code : {"usb.no_device", "usb.port_errors", "usb.unsteady"}) {
        ASSERT_EQ(verdict(here({code}), {elsewhere({code})}), Verdict::return_key);
        Evidence one = here({code});
        one.virtual_machine = true;
        EXPECT_EQ(verdict(one, {elsewhere({code})}), Verdict::try_another_computer) << code;
        Evidence other = elsewhere({code});
        other.virtual_machine = true;
        EXPECT_EQ(verdict(here({code}), {other}), Verdict::try_another_computer) << code;
    }
    Evidence mute = here({"reader.mute"}); // the chip itself was reached
    mute.virtual_machine = true;
    EXPECT_EQ(verdict(mute, {elsewhere({"reader.mute"})}), Verdict::return_key);
}

TEST(Verdict, NothingWrong) {
    EXPECT_EQ(verdict(here({})), Verdict::key_in_order);
    Evidence unread = here({});
    unread.key.clear();
    EXPECT_EQ(verdict(unread), Verdict::try_another_computer);
    Evidence incomplete = here({});
    incomplete.complete = false;
    EXPECT_EQ(verdict(incomplete), Verdict::try_another_computer);
    incomplete.service_away = true;
    EXPECT_EQ(verdict(incomplete), Verdict::fix_this_computer);
}

TEST(Verdict, ComputerVetoesSuspicion) {
    EXPECT_EQ(verdict(here({"reader.mute", "pcscd.hung"}), {elsewhere({"reader.mute"})}),
              Verdict::fix_this_computer);
    EXPECT_EQ(verdict(here({"reader.mute"}), {elsewhere({"reader.mute", "pcscd.hung"})}),
              Verdict::try_another_computer)
        << "nothing is proved by a computer that is itself at fault";
    Evidence away = elsewhere({"usb.no_device"});
    away.service_away = true;
    EXPECT_EQ(verdict(here({"usb.no_device"}), {away}), Verdict::try_another_computer);
}

TEST(Verdict, SuspicionsOfOneKindAreTheSame) {
    EXPECT_EQ(verdict(here({"usb.no_device"}), {elsewhere({"usb.port_errors"})}), Verdict::return_key);
    EXPECT_EQ(verdict(here({"reader.mute"}), {elsewhere({"key.unreadable"})}), Verdict::return_key);
    EXPECT_EQ(verdict(here({"usb.no_device"}), {elsewhere({"reader.mute"})}), Verdict::try_another_computer);
}

TEST(Verdict, WhatIsNoSecondComputerProvesNothing) {
    const std::vector<std::string> mute{"reader.mute"};
    Evidence other = elsewhere(mute);
    other.computer = "here";
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "the same computer";
    other.computer.clear();
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "a computer without an id";
    other = elsewhere(mute);
    other.computer_name = here({}).computer_name;
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "a live system, or a twin";
    other = elsewhere(mute);
    other.usb_serial = "0002";
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "another key";
    other = elsewhere(mute);
    other.time = noon - previous_max_age - std::chrono::seconds(1);
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "too old";
    other.time = noon + std::chrono::seconds(1);
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "of later than now";
}

TEST(Verdict, WhatIsNoOtherKeyProvesNothing) {
    const std::vector<std::string> mute{"reader.mute"};
    Evidence other = other_key({});
    other.port = "1-3";
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "another port";
    other = other_key({});
    other.computer_name = "财务";
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "a copy of this computer";
    other = other_key({});
    other.usb_id = "055c:e618";
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "another kind of key";
    other = other_key({});
    other.time = noon - other_key_max_age - std::chrono::seconds(1);
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "this morning";
    other = other_key({"pin.locked"});
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "it is not in order itself";
    other = here({});
    other.time = noon - std::chrono::hours(1);
    EXPECT_EQ(verdict(here(mute), {other}), Verdict::try_another_computer) << "this key, an hour ago";
}

TEST(Verdict, BehindAHubNothingOfTheBusIsProved) {
    Evidence now = here({"usb.port_errors"});
    now.port = "1-1.2";
    EXPECT_EQ(verdict(now, {elsewhere({"usb.port_errors"})}), Verdict::try_another_computer);
    Evidence other = elsewhere({"usb.port_errors"});
    other.port = "1-1.2";
    EXPECT_EQ(verdict(here({"usb.port_errors"}), {other}), Verdict::try_another_computer);
}

TEST(Verdict, ThatItWorksElsewhereNeedsSomethingOfTheKeyOnBoth) {
    Evidence now = here({"usb.no_device"});
    now.serial = now.usb_id = now.usb_serial = now.key = "";
    EXPECT_EQ(verdict(now, {elsewhere({})}), Verdict::try_another_computer);
    EXPECT_EQ(verdict(now, {elsewhere({"usb.no_device"})}), Verdict::return_key)
        << "of a device that nobody saw the person alone knows";
}

/// Its id is made without the public key then.
TEST(Verdict, KeyThatCannotBeReadHereIsTheOneThatCouldElsewhere) {
    Evidence now = here({"key.unreadable"});
    now.key = "112233445566";
    EXPECT_EQ(verdict(now, {elsewhere({})}), Verdict::fix_this_computer);
}

TEST(Verdict, CodesOfNobodyAreSuspicionsForEver) {
    EXPECT_EQ(verdict(here({"future.code"})), Verdict::try_another_computer);
    EXPECT_EQ(verdict(here({"future.code"}), {elsewhere({"future.code"}), other_key({})}),
              Verdict::try_another_computer);
}

/// Whatever comes together: a computer's fault never sends a key back, and the chip's own word always does.
TEST(Verdict, RandomFaultsHoldToTheRules) {
    const auto seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto any_fault = [&] {
        return random() % 12 == 0 ? std::string("future.code")
                                  : std::string(fault_rules()[random() % fault_rules().size()].code);
    };
    const auto any_evidence = [&](Evidence evidence) {
        for (std::uint64_t left = random() % 4; left > 0; --left) {
            evidence.faults.push_back(any_fault());
        }
        evidence.service_away = random() % 5 == 0;
        evidence.complete = random() % 5 != 0;
        return evidence;
    };
    const auto has = [](const Evidence& evidence, Side side) {
        return std::ranges::any_of(evidence.faults,
                                   [&](const std::string& code) { return rule_of(code).side == side; });
    };
    for (int round = 0; round < 20'000; ++round) {
        const Evidence now = any_evidence(here({}));
        const std::vector<Evidence> previous{any_evidence(elsewhere({})), any_evidence(other_key({}))};
        const Judgement judgement = judge(now, previous);
        if (has(now, Side::chip)) {
            EXPECT_EQ(judgement.verdict, Verdict::return_key);
        } else if (has(now, Side::computer) || now.service_away) {
            EXPECT_NE(judgement.verdict, Verdict::return_key);
            EXPECT_NE(judgement.verdict, Verdict::key_in_order);
        } else if (judgement.verdict == Verdict::return_key) {
            ASSERT_TRUE(judgement.with);
            EXPECT_FALSE(has(previous[*judgement.with], Side::computer));
            EXPECT_TRUE(has(now, Side::suspicion));
        }
        if (!now.faults.empty()) {
            const bool notes_only = std::ranges::all_of(
                now.faults, [](const std::string& code) { return rule_of(code).side == Side::note; });
            EXPECT_TRUE(notes_only || judgement.verdict != Verdict::key_in_order);
        }
    }
}

TEST(FaultRules, AreSortedAndHaveMessages) {
    const auto rules = fault_rules();
    for (std::size_t index = 0; index < rules.size(); ++index) {
        EXPECT_NE(find_message(rules[index].code), nullptr) << rules[index].code;
        EXPECT_TRUE(index == 0 || rules[index - 1].code < rules[index].code) << rules[index].code;
    }
}

} // namespace
} // namespace ukey::ctl
