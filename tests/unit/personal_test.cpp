// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/personal.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/core/ledger_payload.hpp"

namespace ukey {
namespace {

boost::json::object login() {
    return boost::json::parse(R"({"login":"ab","key":"k","organisation":"500102000001","uid":1000,"pid":7,
        "claim":{"executable":"/home/wang/bin/firefox","application":"NSS"},"verdict":"allow","codes":[],
        "grade":"attested","started_at":"2026-04-15T12:00:00.000000Z","uses":1,
        "attestation":{"signature":"AAAA","certificate":"BBBB","duration_us":5}})")
        .as_object();
}

TEST(Personal, NothingOfAPersonStaysInThePayload) {
    boost::json::object payload = login();
    const auto opening = take_personal(payload);
    ASSERT_TRUE(opening);
    const std::string text = boost::json::serialize(payload);
    for (const char* personal : {"1000", "wang", "/home", "NSS", "AAAA", "BBBB", "uid", "claim"}) {
        EXPECT_EQ(text.find(personal), std::string::npos) << personal << " in " << text;
    }
    EXPECT_EQ(payload.at("program"), "firefox");
    EXPECT_EQ(payload.at("personal").as_string(), reference_to(*opening));
    EXPECT_EQ(reference_in(text), reference_to(*opening));
    const boost::json::object revealed = reveal(payload, opening->value);
    for (const auto& member : login()) {
        EXPECT_EQ(revealed.at(member.key()), member.value()) << member.key();
    }
}

TEST(Personal, WhatIsNotPersonalStaysAsItIs) {
    for (const char* text : {"{}", R"({"key":"k","module":"/usr/lib/m.so"})",
                             R"({"login":"ab","attestation":{"absent":"slow","duration_us":3}})"}) {
        boost::json::object payload = boost::json::parse(text).as_object();
        EXPECT_FALSE(take_personal(payload)) << text;
        EXPECT_EQ(boost::json::serialize(payload), text);
        EXPECT_EQ(reference_in(text), "");
    }
}

TEST(Personal, OneValueHasAnotherReferenceInEveryRecord) {
    boost::json::object first{{"uid", 1000}};
    boost::json::object second{{"uid", 1000}};
    const auto one = take_personal(first);
    const auto other = take_personal(second);
    ASSERT_TRUE(one && other);
    EXPECT_EQ(one->value, other->value);
    EXPECT_NE(one->salt, other->salt);
    EXPECT_NE(first.at("personal"), second.at("personal"));
}

TEST(Personal, ReferenceIsTheSaltedHash) {
    // printf 'ukey-reference-v1\n0123456789abcdef{"uid":1000}' | sha256sum
    EXPECT_EQ(reference_to({"0123456789abcdef", R"({"uid":1000})"}),
              "r1:07d880b28fc52746543c80450ff4236401bfc720059213631fc937d8887f7961");
}

TEST(Personal, OnlyALastMemberIsAReference) {
    const std::string reference = "r1:" + std::string(64, 'a');
    const std::string end = "personal\":\"" + reference + "\"}";
    EXPECT_EQ(reference_in("{\"" + end), reference);
    EXPECT_EQ(reference_in("{\"uses\":1,\"" + end), reference);
    EXPECT_EQ(reference_in("{\"im" + end), "") << "another name";
    EXPECT_EQ(reference_in("{\"x\\\"" + end), "") << "inside a name";
    EXPECT_EQ(reference_in("{\"" + end + "}"), "") << "inside another object";
    EXPECT_EQ(reference_in("{\"" + end + " "), "");
    EXPECT_EQ(reference_in("\"" + end), "");
    EXPECT_EQ(reference_in("{\"personal\":\"r2:" + std::string(64, 'a') + "\"}"), "");
    EXPECT_EQ(reference_in(""), "");
}

TEST(Personal, WhatThePayloadHasItselfCountsMore) {
    const boost::json::object revealed = reveal({{"grade", "observed"}}, R"({"grade":"attested","uid":5})");
    EXPECT_EQ(revealed.at("grade"), "observed");
    EXPECT_EQ(revealed.at("uid"), 5);
    for (const char* value : {"", "[]", "{", "7"}) {
        EXPECT_EQ(reveal({{"key", "k"}}, value).size(), 1U) << value;
    }
}

TEST(Personal, RecordsAreReadWithAndWithoutTheirOpening) {
    boost::json::object payload = login();
    const std::string old = boost::json::serialize(payload);
    const auto opening = take_personal(payload);
    const std::string text = boost::json::serialize(payload);
    const auto whole =
        std::get<payload::SessionStarted>(payload::decode("session.started", text, opening->value).value());
    const auto plain = std::get<payload::SessionStarted>(payload::decode("session.started", old).value());
    for (const auto& session : {whole, plain}) {
        EXPECT_EQ(session.uid, 1000U);
        EXPECT_EQ(session.executable, "/home/wang/bin/firefox");
        EXPECT_EQ(session.application, "NSS");
        EXPECT_EQ(session.program, "firefox");
        EXPECT_EQ(session.attestation_duration->count(), 5);
        EXPECT_FALSE(session.personal_removed);
    }
    const auto removed = std::get<payload::SessionStarted>(payload::decode("session.started", text).value());
    EXPECT_TRUE(removed.personal_removed);
    EXPECT_EQ(removed.uid, std::nullopt);
    EXPECT_EQ(removed.executable, "");
    EXPECT_EQ(removed.program, "firefox");
    EXPECT_EQ(removed.attestation, "");
    EXPECT_EQ(removed.grade, EvidenceGrade::attested);
}

} // namespace
} // namespace ukey
