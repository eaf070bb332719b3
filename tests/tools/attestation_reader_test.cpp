// SPDX-License-Identifier: Apache-2.0
// Member by member, and by a tree: both must read the same.
#include "tools/audit/attestation_reader.hpp"

#include <random>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/personal.hpp"

namespace ukey::ctl {
namespace {

namespace json = boost::json;

json::object session() {
    return {{"login", "aa"},
            {"key", "0123456789ab"},
            {"organisation", "500102000001"},
            {"uid", 1000},
            {"claim", {{"executable", "/usr/bin/firefox"}, {"grade", "none"}}},
            {"started_at", "2026-04-01T00:00:01Z"},
            {"grade", "attested"},
            {"attestation",
             {{"nonce", "00ff"},
              {"ledger_seq", 7},
              {"ledger_head", "abcd"},
              {"token", {{"manufacturer", "Feitian"}, {"model", "ePass\n中"}, {"serial", ""}}},
              {"public_key", "ee"},
              {"asked_at", "2026-04-01T00:00:00Z"},
              {"started_at", "2026-04-01T00:00:01Z"},
              {"scheme", "ecdsa_sha256"},
              {"signature", base64_encode("signature")},
              {"certificate", base64_encode("certificate")},
              {"duration_us", 40}}}};
}

/// What both say: a line of the record, or that there is none.
std::string by_tree(const std::string& payload, const std::string* opening) {
    json::error_code error;
    json::value value = json::parse(payload, error);
    if (error || !value.is_object()) {
        return "not attested";
    }
    const json::value* grade = value.as_object().if_contains("grade");
    if (grade == nullptr || !grade->is_string() || grade->as_string() != "attested") {
        return "not attested";
    }
    json::object object = std::move(value.as_object());
    if (opening != nullptr) {
        object = reveal(std::move(object), *opening);
    }
    const auto read = decode_attestation(object);
    return read ? to_text(read->record) + read->scheme + read->signature + read->certificate_der +
                      std::to_string(read->duration.count())
                : "incomplete";
}

std::string by_members(AttestationReader& reader, const std::string& payload, const std::string* opening) {
    if (!reader.begin(payload)) {
        return "not attested";
    }
    if (opening != nullptr) {
        reader.add_opening(*opening);
    }
    const Attestation* read = reader.attestation();
    return read != nullptr ? to_text(read->record) + read->scheme + read->signature + read->certificate_der +
                                 std::to_string(read->duration.count())
                           : "incomplete";
}

/// What a record keeps, and what it refers to.
std::pair<std::string, std::string> split(json::object payload) {
    const auto opening = take_personal(payload);
    return {json::serialize(payload), opening->value};
}

TEST(AttestationReader, ReadsWhatTheTreeReads) {
    AttestationReader reader;
    const auto [payload, opening] = split(session());
    const std::string read = by_members(reader, payload, &opening);
    EXPECT_EQ(read, by_tree(payload, &opening));
    EXPECT_NE(read, "incomplete");
    EXPECT_EQ(reader.started_at(), "2026-04-01T00:00:01Z");
    const std::string whole = json::serialize(session());
    EXPECT_EQ(by_members(reader, whole, nullptr), by_tree(whole, nullptr));
    EXPECT_EQ(by_members(reader, whole, nullptr), read);
    EXPECT_EQ(by_members(reader, payload, nullptr), "incomplete");
}

TEST(AttestationReader, ThePayloadsMembersCount) {
    AttestationReader reader;
    json::object other = session();
    other["organisation"] = "500102000002";
    other["attestation"].as_object()["nonce"] = "11";
    const std::string whole = json::serialize(session());
    const std::string opening = json::serialize(other);
    EXPECT_EQ(by_members(reader, whole, &opening), by_members(reader, whole, nullptr));
    // A refused attestation in the payload is none, whatever the opening has.
    json::object refused = session();
    refused["attestation"] = {{"reason", "refused"}};
    EXPECT_EQ(by_members(reader, json::serialize(refused), &opening), "incomplete");
}

TEST(AttestationReader, WhatStandsTwiceIsNothing) {
    AttestationReader reader;
    const std::string whole = json::serialize(session());
    const std::string twice = whole.substr(0, whole.size() - 1) + R"(,"login":"bb"})";
    EXPECT_EQ(by_members(reader, twice, nullptr), "incomplete");
    const std::string elsewhere = whole.substr(0, whole.size() - 1) + R"(,"x":{"login":"bb","login":"cc"}})";
    EXPECT_EQ(by_members(reader, elsewhere, nullptr), by_members(reader, whole, nullptr));
}

TEST(AttestationReader, AnOpeningThatIsNoObjectIsNothing) {
    AttestationReader reader;
    const auto [payload, opening] = split(session());
    for (const std::string& broken :
         {opening.substr(0, opening.size() - 1), opening + "x", "[" + opening + "]", std::string()}) {
        EXPECT_EQ(by_members(reader, payload, &broken), "incomplete") << broken;
    }
    EXPECT_NE(by_members(reader, payload, &opening), "incomplete") << "nothing of it is left";
}

/// Every member in turn missing, of each other type, or in another place.
TEST(AttestationReader, EveryMemberByItself) {
    AttestationReader reader;
    const json::object whole = session();
    const auto compare = [&](const json::object& changed) {
        const std::string text = json::serialize(changed);
        EXPECT_EQ(by_members(reader, text, nullptr), by_tree(text, nullptr)) << text;
    };
    const std::array<json::value, 8> values{
        "text", "",   -1,      18446744073709551615U,
        2.5,    true, nullptr, json::object{{"nonce", "x"}, {"serial", "y"}}};
    const auto change_all = [&](const json::object& names, const auto& part_of) {
        for (const auto& [name, ignored] : names) {
            json::object changed = whole;
            part_of(changed).erase(name);
            compare(changed);
            for (const json::value& value : values) {
                changed = whole;
                part_of(changed)[name] = value;
                compare(changed);
                part_of(changed)[name] = json::array{value, json::object{{"login", "x"}}};
                compare(changed);
            }
        }
    };
    const auto attestation = [](json::object& session) -> json::object& {
        return session["attestation"].as_object();
    };
    change_all(whole, [](json::object& session) -> json::object& { return session; });
    change_all(whole.at("attestation").as_object(), attestation);
    change_all(whole.at("attestation").at("token").as_object(), [&](json::object& session) -> json::object& {
        return attestation(session)["token"].as_object();
    });
}

/// Bytes changed, cut out or put in anywhere: both fail alike. A member that then stands there twice is left
/// out: the tree takes the last one.
TEST(AttestationReader, DamagedTexts) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    AttestationReader reader;
    const std::string whole = json::serialize(session());
    for (int round = 0; round < 20'000; ++round) {
        std::string text = whole;
        const std::size_t place = random() % text.size();
        constexpr std::string_view bytes = "\"\\{}[]:,0e-. tn\x01\xe4u";
        switch (random() % 3) {
        case 0:
            text[place] = bytes[random() % bytes.size()];
            break;
        case 1:
            text.erase(place, 1 + random() % 3);
            break;
        default:
            text.insert(place, 1, bytes[random() % bytes.size()]);
        }
        ASSERT_EQ(by_members(reader, text, nullptr), by_tree(text, nullptr)) << text;
    }
}

} // namespace
} // namespace ukey::ctl
