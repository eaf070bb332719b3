// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/ledger_payload.hpp"

#include <gtest/gtest.h>

namespace ukey::payload {
namespace {

template <typename Wanted>
Wanted read(std::string_view kind, std::string_view text) {
    const auto payload = decode(kind, text);
    if (!payload || !std::holds_alternative<Wanted>(*payload)) {
        ADD_FAILURE() << kind << " was not read as its type";
        return {};
    }
    return std::get<Wanted>(*payload);
}

TEST(LedgerPayload, SessionIsReadWithTheNameOfItsProgram) {
    const auto session = read<SessionStarted>("session.started", R"({
        "login": "0123456789abcdef0123456789abcdef", "key": "0123456789ab", "organisation": "001", "uid": 1000,
        "pid": 7, "claim": {"executable": "/opt/vpn/vpn-client", "application": "VPN"}, "verdict": "warn",
        "codes": ["pin.default"], "grade": "late", "started_at": "2026-04-01T00:00:00.5Z", "uses": 3})");
    EXPECT_EQ(session.login, "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(session.key_id, "0123456789ab");
    EXPECT_EQ(session.organisation, "001");
    EXPECT_EQ(session.uid, 1000U);
    EXPECT_EQ(session.pid, 7);
    EXPECT_EQ(session.program, "vpn-client");
    EXPECT_EQ(session.verdict, "warn");
    EXPECT_EQ(session.codes, std::vector<std::string>{"pin.default"});
    EXPECT_EQ(session.grade, EvidenceGrade::late);
    EXPECT_EQ(session.started, parse_timestamp("2026-04-01T00:00:00.5Z").value());
    EXPECT_EQ(session.uses, 3U);
    EXPECT_EQ(read<SessionUsed>("session.used", R"({"login":"a","uses":9})").uses, 9U);
    const auto ended = read<SessionEnded>("session.ended", R"({"login":"a","reason":"suspend","uses":1})");
    EXPECT_EQ(ended.reason, EndReason::suspend);
}

TEST(LedgerPayload, AbsenceTellsWhenTheComputerWasUsedOrThatNobodyKnows) {
    const auto known = read<CoverageAbsence>("coverage.absence", R"({"from":"2026-04-01T00:00:00Z",
        "to":"2026-04-01T08:00:00Z","unclean":true,
        "occupied":[["2026-04-01T01:00:00Z","2026-04-01T02:00:00Z"]]})");
    EXPECT_TRUE(known.unclean);
    ASSERT_TRUE(known.occupied);
    ASSERT_EQ(known.occupied->size(), 1U);
    EXPECT_EQ(known.occupied->front().to - known.occupied->front().from, std::chrono::hours(1));
    EXPECT_FALSE(read<CoverageAbsence>("coverage.absence", R"({"from":"2026-04-01T00:00:00Z",
        "to":"2026-04-01T08:00:00Z","unclean":false,"occupied":null})")
                     .occupied);
    EXPECT_FALSE(decode("coverage.absence", R"({"from":"2026-04-01T00:00:00Z","to":"2026-04-01T08:00:00Z",
        "occupied":[["2026-04-01T01:00:00Z"]]})"));
}

TEST(LedgerPayload, SeamOfARestoredBackupIsRead) {
    const auto restored = read<StateRestored>("state.restored", R"({"made_at":"2026-04-01T00:00:00Z",
        "made_on":"old","restored_on":"new","last_seq":7,"head":"00ff"})");
    EXPECT_EQ(restored.made, parse_timestamp("2026-04-01T00:00:00Z").value());
    EXPECT_EQ(restored.made_on + restored.restored_on, "oldnew");
    EXPECT_EQ(restored.last_seq, 7U);
    EXPECT_EQ(restored.head, "00ff");
    EXPECT_FALSE(decode("state.restored", R"({"made_on":"old","last_seq":7,"head":"00ff"})"));
}

TEST(LedgerPayload, LifeOfServiceAndKeysIsRead) {
    const auto started = read<ServiceConfigured>("daemon.started", R"({"version":"1","mode":"observe",
        "modules":["/a.so","/b.so"],"policy_sha256":"x","rule":"2013"})");
    EXPECT_TRUE(started.started);
    EXPECT_EQ(started.modules, (std::vector<std::string>{"/a.so", "/b.so"}));
    EXPECT_FALSE(read<ServiceConfigured>("daemon.configured", "{}").started);
    EXPECT_EQ(read<ServiceUnclean>("daemon.unclean", R"({"last_alive":"1970-01-01T00:00:01Z"})").last_alive,
              Timestamp(std::chrono::seconds(1)));
    EXPECT_EQ(read<ClockStepped>("clock.stepped", R"({"stepped_us":-5})").stepped.count(), -5);
    EXPECT_EQ(read<ComputerResumed>("computer.resumed", R"({"slept_us":5})").slept.count(), 5);
    const auto bound = read<KeyBound>("key.bound", R"({"key":"k","organisation":"o","uid":0})");
    EXPECT_EQ(bound.organisation, "o");
    EXPECT_EQ(bound.uid, 0U);
    EXPECT_EQ(read<KeyInserted>("key.inserted", R"({"key":"k","module":"/a.so"})").module, "/a.so");
    EXPECT_EQ(read<CoverageGap>("coverage.gap", R"({"reason":"pin_state","key":"k"})").key_id, "k");
}

TEST(LedgerPayload, WhatSaysNothingIsAnError) {
    for (const auto& [kind, text] : std::vector<std::pair<std::string, std::string>>{
             {"session.started", "{}"},
             {"session.started", R"({"login":"a","started_at":"soon"})"},
             {"session.ended", "[]"},
             {"key.bound", R"({"key":"k"})"},
             {"key.inserted", R"({"key":7})"},
             {"clock.stepped", R"({"stepped_us":"5"})"},
             {"session.used", R"({"login":"a")"}}) {
        const auto payload = decode(kind, text);
        ASSERT_FALSE(payload) << kind << " " << text;
        EXPECT_EQ(payload.error().code, "ledger.unreadable");
    }
    read<Other>("registry.imported", "not looked at");
}

} // namespace
} // namespace ukey::payload
