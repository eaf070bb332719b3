// SPDX-License-Identifier: Apache-2.0
// Which step comes next, and what this program offers to mend.
#include "tools/diagnosis/guide.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "tools/diagnosis/fix.hpp"
#include "tools/local_messages.hpp"

namespace ukey::ctl {
namespace {

/// Judged by these faults; seen at a port unless they say that it is not.
Diagnosis diagnosis(std::vector<std::string> faults, bool is_seen = true) {
    Diagnosis made;
    if (is_seen) {
        made.target.name = "1-2";
        made.target.local.emplace().device.port = "1-2";
        made.evidence.port = "1-2";
        made.evidence.usb_id = "096e:0807";
    }
    made.evidence.faults = std::move(faults);
    made.evidence.complete = true;
    made.judgement = judge(made.evidence, {});
    return made;
}

Step step(const Diagnosis& one, GuideHistory& history) {
    Step next = next_step({&one, 1}, history);
    note(history, next, one);
    return next;
}

/// Whatever is never mended: the steps up to the end, none of them twice.
std::vector<Step> steps(const Diagnosis& one) {
    GuideHistory history;
    std::vector<Step> all;
    for (;;) {
        all.push_back(step(one, history));
        if (all.back().kind == StepKind::done) {
            return all;
        }
        if (all.size() > 20) {
            ADD_FAILURE() << "it never ends";
            return all;
        }
    }
}

TEST(Guide, TheComputerIsMendedFaultByFault) {
    const std::vector<Step> expected{{StepKind::fix, "pcscd.absent"}, {StepKind::act, "usb.no_node"}, {}};
    EXPECT_EQ(steps(diagnosis({"usb.no_node", "pcscd.absent"})), expected);
}

TEST(Guide, WhatThePersonHasToDoIsAskedOnce) {
    Diagnosis locked = diagnosis({"pin.locked"});
    locked.evidence.key = "0a1b2c3d4e5f";
    locked.judgement = judge(locked.evidence, {});
    const std::vector<Step> expected{{StepKind::act, "pin.locked"}, {}};
    EXPECT_EQ(steps(locked), expected);
}

TEST(Guide, ASuspicionIsNarrowedDown) {
    const std::vector<Step> mute{{StepKind::other_port}, {StepKind::other_key}, {}};
    EXPECT_EQ(steps(diagnosis({"reader.mute"})), mute);
    // Another key says nothing of a fault that only a second computer proves.
    const std::vector<Step> unsteady{{StepKind::other_port}, {}};
    EXPECT_EQ(steps(diagnosis({"usb.unsteady"})), unsteady);
    const std::vector<Step> unseen{{StepKind::plug_in}, {StepKind::other_port}, {}};
    EXPECT_EQ(steps(diagnosis({"usb.no_device"}, false)), unseen);
}

TEST(Guide, RemembersThePortAtWhichItDidNotWork) {
    GuideHistory history;
    const Diagnosis mute = diagnosis({"reader.mute"});
    EXPECT_EQ(step(mute, history).kind, StepKind::other_port);
    EXPECT_EQ(history.first_port, "1-2");
}

TEST(Guide, AServiceThatIsAwayComesBeforeAnySuspicion) {
    Diagnosis away = diagnosis({"reader.mute"});
    away.evidence.service_away = true;
    away.judgement = judge(away.evidence, {});
    GuideHistory history;
    EXPECT_EQ(step(away, history), (Step{StepKind::fix, "daemon.unreachable"}));
}

TEST(Guide, SeveralKeysAreNotGuessedBetween) {
    const std::vector<Diagnosis> two{diagnosis({"reader.mute"}), diagnosis({"pin.locked"})};
    GuideHistory history;
    const Step first = next_step(two, history);
    EXPECT_EQ(first.kind, StepKind::leave_one);
    note(history, first, two.front());
    EXPECT_EQ(next_step(two, history).kind, StepKind::other_port) << "the person knows";
}

TEST(Guide, AVerdictOnTheKeyIsTheEnd) {
    Diagnosis good = diagnosis({});
    good.evidence.key = "0a1b2c3d4e5f";
    good.judgement = judge(good.evidence, {});
    EXPECT_EQ(steps(good), std::vector<Step>{{}});
    EXPECT_EQ(steps(diagnosis({"self_test.wrong_signature"})), std::vector<Step>{{}});
}

/// Whatever is found, the guide comes to an end and asks nothing twice.
TEST(Guide, EndsForEveryFaultOfTheTable) {
    for (const FaultRule& one : fault_rules()) {
        for (const FaultRule& other : fault_rules()) {
            const auto all = steps(diagnosis({std::string(one.code), std::string(other.code)}));
            for (const Step& step : all) {
                EXPECT_EQ(std::ranges::count(all, step), 1) << one.code << " " << other.code;
            }
        }
    }
}

TEST(Fix, EachCodeIsOneOfOurs) {
    std::set<std::string_view> fixed;
    const auto look = [&](std::span<const MessageEntry> messages) {
        for (const MessageEntry& message : messages) {
            if (const Fix* fix = fix_for(message.code)) {
                fixed.insert(fix->name);
                EXPECT_FALSE(command_line(*fix).empty());
            }
        }
    };
    look(local_messages());
    look(message_table());
    // reload_udev_rules, restart_pcscd, start_pcscd, start_service
    EXPECT_EQ(fixed.size(), 4U) << "a fix that no code of ours asks for";
    EXPECT_EQ(fix_for("certificate.expired"), nullptr);
}

TEST(Fix, OneForSeveralCodesIsOfferedOnce) {
    const std::vector<std::string> codes{"reader.stale", "certificate.expired", "pcscd.hung", "pcscd.absent"};
    const auto found = fixes_for(codes);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(command_line(*found[0]), "systemctl restart pcscd.service");
    EXPECT_EQ(command_line(*found[1]), "systemctl start pcscd.socket");
}

} // namespace
} // namespace ukey::ctl
