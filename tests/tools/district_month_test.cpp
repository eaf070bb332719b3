// SPDX-License-Identifier: Apache-2.0
// What a month's report rests on: evidence, who is covered, and each doubt.
#include "tools/district/month_facts.hpp"

#include <gtest/gtest.h>

#include "tests/support/district_sample.hpp"
#include "tools/district/platform_logins.hpp"
#include "tools/district/registry_history.hpp"
#include "tools/district/status.hpp"

namespace ukey::ctl::district {
namespace {

using test::DistrictSample;
using test::WorkstationSample;

constexpr const char* two_organisations = "区委,001,committee\n区委 - 支部,002,branch\n";

std::string minutes(Timestamp moment) {
    return format_timestamp(moment).substr(5, 11); // "04-01T08:30"
}

/// "code from to" of each doubt of the organisation with that code.
std::string doubts(const MonthFacts& facts, std::string_view code) {
    std::string text;
    for (const OrganisationFacts& of_one : facts.organisations) {
        if (of_one.organisation.code != code) {
            continue;
        }
        for (const Doubt& doubt : of_one.doubts) {
            text += doubt.code + " " + minutes(doubt.from) + " " + minutes(doubt.to) + "; ";
        }
    }
    return text;
}

LoginStatus status_of(DistrictSample& district, std::string_view month, std::string_view code) {
    const MonthAssessment assessment = assess(district.facts(month), CriterionRule::built_in());
    for (const OrganisationAssessment& row : assessment.organisations) {
        if (row.organisation.code == code) {
            return row.login;
        }
    }
    ADD_FAILURE() << code;
    return LoginStatus::not_required;
}

/// A workstation that is there from March on, with a key of organisation 002 but no login.
WorkstationSample idle() {
    WorkstationSample workstation("office");
    workstation.at("2026-03-20T00:00:00Z").start().insert("k1").bind("k1", "002");
    return workstation;
}

/// Doubts of organisation 002 in April, after all that happened and a bundle of May.
std::string doubts_after(WorkstationSample& workstation, std::string_view month = "2026-04") {
    workstation.at("2026-06-15T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    EXPECT_TRUE(district.import({workstation.bundle()}).holds());
    const MonthFacts facts = district.facts(month);
    EXPECT_EQ(doubts(facts, "001"), "") << "it has nothing to do with that workstation";
    return doubts(facts, "002");
}

TEST(DistrictMonth, LoginsOfAllWorkstationsCountOnce) {
    DistrictSample district;
    district.registry(two_organisations);
    WorkstationSample one = idle();
    WorkstationSample other("other", "2026-03-01T00:00:00Z");
    const std::string login(32, 'c');
    one.at("2026-04-03T01:00:00Z").begin_session(login, "k1", "002").end_session(login, 2);
    one.at("2026-04-30T15:59:59Z").session("k1", "002");
    one.at("2026-04-30T16:00:00Z").session("k1", "002"); // May in China
    one.at("2026-04-30T17:00:00Z").session("k1", "002", 0);
    other.at("2026-03-20T00:00:00Z").start().insert("k2").bind("k2", "002");
    other.at("2026-04-03T01:00:05Z").begin_session(login, "k2", "002").end_session(login, 9); // a copy
    other.at("2026-04-10T01:00:00Z").session("k2", "002").session("k2", "002", 0);
    one.at("2026-05-01T00:00:00Z");
    other.at("2026-05-01T00:00:00Z");
    district.enrol(one, "first");
    district.enrol(other, "second");
    ASSERT_TRUE(district.import({other.bundle(), one.bundle()}).holds());
    const MonthFacts facts = district.facts("2026-04");
    const OrganisationFacts& branch = facts.organisations[1];
    ASSERT_EQ(branch.sessions.size(), 3U);
    EXPECT_EQ(branch.sessions[0].workstation, one.fingerprint()) << "the copy is the later one";
    EXPECT_EQ(branch.sessions[0].uses, 2U);
    EXPECT_EQ(branch.sessions[1].key_id, "k2");
    EXPECT_EQ(branch.keys, 2U);
    EXPECT_TRUE(branch.without_key.empty());
    EXPECT_EQ(doubts(facts, "002"), "");
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::met);
    ASSERT_EQ(facts.ledgers.size(), 2U);
    EXPECT_TRUE(facts.ledgers.front().complete_month);
}

TEST(DistrictMonth, StepsOfTheClockThatUndoEachOtherMisplaceNoLoginBeforeThem) {
    WorkstationSample workstation = idle();
    workstation.at("2026-04-05T01:00:00Z").session("k1", "002");
    const std::string year = "31536000000000";
    workstation.at("2027-04-20T01:00:00Z").append("clock.stepped", R"({"stepped_us":)" + year + "}");
    workstation.session("k1", "002"); // in 2027, by that clock
    workstation.at("2026-04-20T01:01:00Z").append("clock.stepped", R"({"stepped_us":-)" + year + "}");
    workstation.at("2026-05-02T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    ASSERT_TRUE(district.import({workstation.bundle()}).holds());
    const MonthFacts facts = district.facts("2026-04");
    EXPECT_EQ(facts.organisations[1].sessions.size(), 1U);
    EXPECT_EQ(doubts(facts, "002"), "clock.uncertain 04-20T01:00 04-20T01:00; ") << "the one in 2027";
    EXPECT_EQ(district.facts("2027-04").organisations[1].sessions.size(), 0U);
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::met);
}

/// A superior answers for who has no key; that none is known says nothing while a workstation is silent.
TEST(DistrictMonth, SuperiorsLoginIsNoAnswerWhileAWorkstationIsSilent) {
    WorkstationSample workstation("office");
    workstation.at("2026-03-20T00:00:00Z").start().insert("k1").bind("k1", "001");
    workstation.at("2026-04-05T01:00:00Z").session("k1", "001");
    workstation.at("2026-05-02T00:00:00Z");
    WorkstationSample silent("silent");
    silent.at("2026-03-20T00:00:00Z").start().insert("k2").bind("k2", "002").at("2026-05-02T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    ASSERT_TRUE(district.import({workstation.bundle()}).holds());
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::met);
    district.enrol(silent);
    EXPECT_EQ(status_of(district, "2026-04", "001"), LoginStatus::met);
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::cannot_tell);
    district.revoke(silent, "2026-04-20T00:00:00Z");
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::cannot_tell) << "until then it was asked";
    EXPECT_EQ(status_of(district, "2026-05", "002"), LoginStatus::cannot_tell) << "nobody delivered May";
}

TEST(DistrictMonth, KeyBoundAndReleasedInMidMonthLeavesAPartWithout) {
    WorkstationSample workstation("office");
    workstation.at("2026-03-20T00:00:00Z").start().at("2026-04-05T00:00:00Z").insert("k1").bind("k1", "002");
    workstation.at("2026-04-20T00:00:00Z").release("k1", "002");
    workstation.at("2026-05-02T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    district.import({workstation.bundle()});
    const MonthFacts facts = district.facts("2026-04");
    const OrganisationFacts& branch = facts.organisations[1];
    EXPECT_EQ(branch.keys, 0U);
    ASSERT_EQ(branch.without_key.size(), 2U);
    EXPECT_EQ(minutes(branch.without_key[0].to), "04-05T00:00");
    EXPECT_EQ(minutes(branch.without_key[1].from), "04-20T00:00");
    ASSERT_EQ(facts.organisations[0].without_key.size(), 1U) << "it never had one";
    EXPECT_EQ(facts.organisations[0].without_key.front().from, facts.month.begin());
}

TEST(DistrictMonth, BindingBeforeTheFirstBundleIsSeenByItsUse) {
    WorkstationSample workstation = idle();
    workstation.at("2026-03-25T00:00:00Z").stop().start();
    const std::uint64_t first = workstation.last_seq();
    workstation.at("2026-04-10T00:00:00Z").insert("k1").session("k1", "002");
    workstation.at("2026-05-02T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    ASSERT_TRUE(district.import({workstation.bundle(first)}).holds());
    const MonthFacts facts = district.facts("2026-04");
    EXPECT_EQ(facts.organisations[1].keys, 1U);
    EXPECT_TRUE(facts.organisations[1].without_key.empty());
    EXPECT_EQ(doubts(facts, "002"), "") << "the month is covered, only older records are missing";
}

TEST(DistrictMonth, WhatIsNotVouchedForIsDoubtful) {
    WorkstationSample workstation = idle();
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    workstation.at("2026-03-28T00:00:00Z");
    district.import({workstation.bundle()});
    EXPECT_EQ(doubts(district.facts("2026-04"), "002"), "workstation.missing 03-31T16:00 04-30T16:00; ");
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::cannot_tell);
    workstation.at("2026-04-20T00:00:00Z");
    district.import({workstation.bundle()});
    EXPECT_EQ(doubts(district.facts("2026-04"), "002"), "workstation.incomplete 04-20T00:00 04-30T16:00; ");
    workstation.at("2026-04-30T16:00:00Z");
    district.import({workstation.bundle()});
    EXPECT_EQ(doubts(district.facts("2026-04"), "002"), "");
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::not_met);
    EXPECT_EQ(doubts(district.facts("2026-03"), "002"), "workstation.incomplete 02-28T16:00 03-20T00:00; ")
        << "before its first record nothing was seen";
}

TEST(DistrictMonth, RevokedWorkstationOwesNothingAfterwards) {
    WorkstationSample workstation = idle();
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    workstation.at("2026-04-10T00:00:00Z");
    district.import({workstation.bundle()});
    district.revoke(workstation, "2026-04-12T00:00:00Z");
    EXPECT_EQ(doubts(district.facts("2026-04"), "002"), "workstation.incomplete 04-10T00:00 04-12T00:00; ");
    EXPECT_EQ(doubts(district.facts("2026-05"), "002"), "");
}

TEST(DistrictMonth, OrganisationWithoutWorkstationDependsOnTheSilentOnes) {
    WorkstationSample workstation = idle();
    const WorkstationSample silent("silent");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    workstation.at("2026-05-02T00:00:00Z");
    district.import({workstation.bundle()});
    EXPECT_EQ(doubts(district.facts("2026-04"), "001"), "");
    district.enrol(silent, "silent");
    EXPECT_EQ(doubts(district.facts("2026-04"), "001"), "workstation.missing 03-31T16:00 04-30T16:00; ");
    EXPECT_EQ(doubts(district.facts("2026-04"), "002"), "") << "its workstation is known, and there";
    district.revoke(silent, "2026-04-15T00:00:00Z");
    EXPECT_EQ(doubts(district.facts("2026-04"), "001"), "workstation.missing 03-31T16:00 04-15T00:00; ");
    EXPECT_EQ(doubts(district.facts("2026-05"), "001"), "");
}

TEST(DistrictMonth, ServiceThatWasAwayIsDoubtfulOnlyWhileSomebodyWasThere) {
    WorkstationSample workstation = idle();
    workstation.at("2026-04-02T00:00:00Z").stop();
    workstation.booted_at("2026-04-03T00:00:00Z")
        .append("coverage.absence", R"({"from":"2026-04-02T00:00:00Z",
        "to":"2026-04-03T00:00:00Z","unclean":false,
        "occupied":[["2026-04-02T01:00:00Z","2026-04-02T02:00:00Z"]]})");
    workstation.start();
    workstation.at("2026-04-05T00:00:00Z")
        .append("daemon.unclean", R"({"last_alive":"2026-04-04T23:00:00Z"})");
    workstation.append("coverage.absence", R"({"from":"2026-04-04T23:00:00Z","to":"2026-04-05T00:00:00Z",
        "unclean":true,"occupied":null})");
    workstation.start();
    workstation.at("2026-04-07T00:00:00Z")
        .stop()
        .booted_at("2026-04-08T00:00:00Z")
        .append(
            "coverage.absence",
            R"({"from":"2026-04-07T00:00:00Z","to":"2026-04-08T00:00:00Z","unclean":false,"occupied":[]})");
    workstation.start();
    EXPECT_EQ(doubts_after(workstation), "coverage.service_away 04-02T01:00 04-02T02:00; "
                                         "coverage.service_away 04-04T23:00 04-05T00:00; ");
}

TEST(DistrictMonth, OlderSoftwareWasAwayUntilItsStartOrSinceTheBoot) {
    WorkstationSample workstation = idle();
    workstation.at("2026-04-02T00:00:00Z").stop();
    workstation.at("2026-04-02T06:00:00Z").start(); // the computer ran on
    workstation.at("2026-04-05T00:00:00Z").stop();
    workstation.booted_at("2026-04-06T00:00:00Z").at("2026-04-06T00:01:00Z").start();
    workstation.at("2026-04-09T00:00:00Z")
        .append("daemon.unclean", R"({"last_alive":"2026-04-08T23:00:00Z"})");
    workstation.start();
    EXPECT_EQ(doubts_after(workstation), "coverage.service_away 04-02T00:00 04-02T06:00; "
                                         "coverage.service_away 04-06T00:00 04-06T00:01; "
                                         "coverage.service_away 04-08T23:00 04-09T00:00; ");
}

TEST(DistrictMonth, SleepIsNoGap) {
    WorkstationSample workstation = idle();
    workstation.at("2026-04-02T00:00:00Z").append("computer.resumed", R"({"slept_us":86400000000})");
    EXPECT_EQ(doubts_after(workstation), "");
}

TEST(DistrictMonth, GapsAreMomentsOfTheWorkstationOrOfAKey) {
    WorkstationSample workstation = idle();
    workstation.insert("k2").bind("k2", "003");
    workstation.at("2026-04-02T00:00:00Z")
        .append("coverage.gap", R"({"reason":"filter_version","filter":""})");
    workstation.at("2026-04-03T00:00:00Z").append("coverage.gap", R"({"reason":"pin_state","key":"k2"})");
    workstation.at("2026-04-04T00:00:00Z").append("coverage.gap", R"({"reason":"pin_state","key":"k1"})");
    EXPECT_EQ(doubts_after(workstation), "coverage.filter_version 04-02T00:00 04-02T00:00; "
                                         "coverage.pin_state 04-04T00:00 04-04T00:00; ");
}

TEST(DistrictMonth, ModuleThatIsGoneIsDoubtfulUntilItComesBack) {
    WorkstationSample workstation = idle();
    workstation.at("2026-04-02T00:00:00Z").configure(R"(["/other.so"])");
    workstation.at("2026-04-09T00:00:00Z").configure(R"(["/other.so","/opensc.so"])");
    workstation.at("2026-04-20T00:00:00Z").configure(R"(["/opensc.so"])");
    EXPECT_EQ(doubts_after(workstation), "coverage.modules_changed 04-02T00:00 04-09T00:00; "
                                         "coverage.modules_changed 04-20T00:00 04-30T16:00; ");
}

TEST(DistrictMonth, ModuleThatWasReplacedIsDoubtfulUntilItsKeysAreSeenAgain) {
    WorkstationSample workstation = idle();
    workstation.insert("k2").bind("k2", "003");
    workstation.at("2026-04-02T00:00:00Z").stop().at("2026-04-02T00:00:00Z").start(R"(["/new.so"])");
    workstation.at("2026-04-02T08:00:00Z").insert("k1");
    EXPECT_EQ(doubts_after(workstation), "coverage.modules_changed 04-02T00:00 04-02T08:00; ");
    EXPECT_EQ(doubts_after(workstation, "2026-05"), "")
        << "k2 was never seen again, which is another's affair";

    WorkstationSample given_away = idle();
    given_away.at("2026-04-02T00:00:00Z").configure(R"(["/new.so"])");
    given_away.at("2026-04-03T00:00:00Z").release("k1", "002");
    EXPECT_EQ(doubts_after(given_away), "coverage.modules_changed 04-02T00:00 04-03T00:00; ");
}

TEST(DistrictMonth, ClockThatWasAheadVouchesForNothing) {
    WorkstationSample workstation = idle();
    workstation.stop().booted_at("2026-06-20T00:00:00Z").start(); // it is 2 April
    DistrictSample early;
    early.registry(two_organisations);
    early.enrol(workstation);
    workstation.at("2027-06-20T00:00:00Z");
    const Import import = early.import({workstation.bundle()});
    ASSERT_EQ(import.files.front().problems.size(), 1U);
    EXPECT_EQ(import.files.front().problems.front(),
              (BundleProblem{"bundle.clock_ahead", workstation.last_seq(), "2027-06-20T00:00:00.000000Z"}));
    EXPECT_EQ(import.files.front().added, 0U);

    // Set right after some 79 days too many: the last checkpoint has the right time again.
    workstation.at("2026-04-02T00:00:00Z").append("clock.stepped", R"({"stepped_us":-6825600000000})");
    workstation.at("2026-04-10T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    ASSERT_TRUE(district.import({workstation.bundle()}).holds());
    EXPECT_EQ(doubts(district.facts("2026-04"), "002"), "workstation.incomplete 04-10T00:00 04-30T16:00; ");
    EXPECT_EQ(doubts(district.facts("2026-05"), "002"), "workstation.missing 04-30T16:00 05-31T16:00; ");
}

TEST(DistrictMonth, LedgerThatBeganUnderAClockThatWasBehindBeginsWhenItWasSet) {
    WorkstationSample workstation("office", "2023-05-01T00:00:00Z");
    workstation.start().append("clock.stepped", R"({"stepped_us":92016000000000})"); // 1065 days
    workstation.at("2026-03-31T00:00:00Z").insert("k1").bind("k1", "002");
    EXPECT_EQ(doubts_after(workstation), "");
    EXPECT_EQ(doubts_after(workstation, "2026-03"), "workstation.incomplete 02-28T16:00 03-31T00:00; ");
    EXPECT_EQ(doubts_after(workstation, "2026-02"), "")
        << "it had no ledger yet, and the key no organisation";
}

TEST(DistrictMonth, LedgerThatBeganUnderAClockThatWasAheadBeginsWhenItReallyDid) {
    WorkstationSample workstation("office", "2027-03-31T00:00:00Z");
    workstation.start().append("clock.stepped", R"({"stepped_us":-31536000000000})"); // 365 days
    workstation.at("2026-03-31T00:00:00Z").insert("k1").bind("k1", "002");
    EXPECT_EQ(doubts_after(workstation), "");
    EXPECT_EQ(doubts_after(workstation, "2026-03"), "workstation.incomplete 02-28T16:00 03-31T00:00; ");
}

/// What comes after the gap may have either copy's number.
TEST(DistrictMonth, RecordsAfterAGapGoOnFromTheRestoredCopy) {
    for (int attempt = 0; attempt < 8; ++attempt) { // which copy comes first hangs on their hashes
        WorkstationSample lost = idle();
        WorkstationSample restored = lost.forked_after(lost.last_seq());
        lost.at("2026-04-02T00:00:00Z").session("k1", "002").at("2026-04-03T00:00:00Z");
        restored.booted_at("2026-04-04T00:00:00Z").restore().at("2026-04-05T00:00:00Z");
        const std::string first = restored.bundle();
        restored.session("k1", "002").session("k1", "002").at("2026-04-10T00:00:00Z");
        const std::uint64_t behind_the_gap = restored.last_seq() + 1;
        restored.session("k1", "002").at("2026-06-15T00:00:00Z");
        DistrictSample district;
        district.registry(two_organisations);
        district.enrol(lost);
        ASSERT_TRUE(district.import({lost.bundle(), first, restored.bundle(behind_the_gap)}).holds());
        EXPECT_EQ(doubts(district.facts("2026-05"), "002"), "");
    }
}

/// The other copy's records are not here: what it saw since, nobody knows.
TEST(DistrictMonth, AfterAForkBothCopiesMustBeKnown) {
    WorkstationSample workstation = idle();
    WorkstationSample copy = workstation.forked_after(workstation.last_seq());
    workstation.at("2026-04-05T00:00:00Z").session("k1", "002").at("2026-06-15T00:00:00Z");
    copy.at("2026-04-06T00:00:00Z").session("k1", "002").at("2026-04-20T00:00:00Z");
    const std::string longer = workstation.bundle();
    const std::string shorter = copy.bundle();
    for (const auto& order : {std::vector{longer, shorter}, std::vector{shorter, longer}}) {
        DistrictSample district;
        district.registry(two_organisations);
        district.enrol(workstation);
        ASSERT_TRUE(district.import(order).holds());
        EXPECT_EQ(doubts(district.facts("2026-04"), "002"),
                  "workstation.incomplete 04-20T00:00 04-30T16:00; ");
        EXPECT_EQ(doubts(district.facts("2026-05"), "002"), "workstation.missing 04-30T16:00 05-31T16:00; ");
    }
}

TEST(DistrictMonth, KeyOfARevokedWorkstationIsNoMoreThere) {
    WorkstationSample lost = idle();
    WorkstationSample other("other", "2026-03-20T00:00:00Z");
    other.start().at("2026-05-02T00:00:00Z").insert("k1").bind("k1", "001").at("2026-06-15T00:00:00Z");
    lost.at("2026-04-28T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(lost);
    district.enrol(other, "other");
    ASSERT_TRUE(district.import({lost.bundle(), other.bundle()}).holds());
    EXPECT_EQ(district.facts("2026-05").organisations[1].keys, 1U);
    EXPECT_NE(district.conflicts().find("conflict.key_with_two_organisations"), std::string::npos);
    district.revoke(lost, "2026-04-28T00:00:00Z");
    EXPECT_EQ(district.conflicts(), "") << "it was bound anew after that";
    EXPECT_EQ(district.facts("2026-05").organisations[1].keys, 0U);
    EXPECT_EQ(district.facts("2026-03").organisations[1].keys, 1U);
}

TEST(DistrictMonth, SessionsOfAClockThatWasWrongAreInNeitherMonth) {
    WorkstationSample workstation = idle();
    workstation.stop().booted_at("2026-03-30T00:00:00Z").start(); // it is 9 April
    workstation.session("k1", "002").append("clock.stepped", R"({"stepped_us":864000000000})");
    workstation.at("2026-04-09T00:00:01Z").append("clock.stepped", R"({"stepped_us":-1000000})");
    WorkstationSample same_month = workstation;
    EXPECT_EQ(doubts_after(workstation), "clock.uncertain 04-08T23:59 04-08T23:59; ");
    EXPECT_EQ(doubts_after(workstation, "2026-03"), "workstation.incomplete 02-28T16:00 03-20T00:00; "
                                                    "clock.uncertain 03-30T00:00 03-30T00:00; ");
    workstation.at("2026-05-02T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(workstation);
    district.import({workstation.bundle()});
    for (const char* month : {"2026-03", "2026-04"}) {
        EXPECT_TRUE(district.facts(month).organisations[1].sessions.empty()) << month;
        EXPECT_EQ(status_of(district, month, "002"), LoginStatus::cannot_tell) << month;
    }
}

TEST(DistrictMonth, ManyDoubtsOfAKindAreBounded) {
    WorkstationSample workstation = idle();
    for (int hour = 10; hour < 24; ++hour) {
        workstation.at("2026-04-02T" + std::to_string(hour) + ":00:00Z")
            .append("coverage.gap", R"({"reason":"filter_version"})");
    }
    const std::string text = doubts_after(workstation);
    EXPECT_EQ(std::ranges::count(text, ';'), 10);
    EXPECT_TRUE(text.ends_with("coverage.filter_version 04-02T19:00 04-02T23:00; ")) << text;
}

TEST(DistrictConflicts, KeyOfTwoOrganisationsAtOnce) {
    WorkstationSample one = idle();
    WorkstationSample other("other", "2026-04-01T00:00:00Z");
    other.at("2026-04-10T00:00:00Z").start().bind("k1", "001");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(one, "one");
    district.enrol(other, "other");
    one.at("2026-05-02T00:00:00Z");
    district.import({one.bundle(), other.bundle()});
    EXPECT_EQ(district.conflicts(), "conflict.key_with_two_organisations k1 [001,002] 2 \n");
    ASSERT_EQ(district.facts("2026-04").conflicts.size(), 1U);
    EXPECT_EQ(minutes(district.facts("2026-04").conflicts.front().time), "04-10T00:00");
    EXPECT_TRUE(district.facts("2026-03").conflicts.empty());
}

TEST(DistrictConflicts, KeyThatWasReleasedMayBeBoundAnew) {
    WorkstationSample one = idle();
    one.at("2026-04-09T00:00:00Z").release("k1", "002").remove("k1").at("2026-05-02T00:00:00Z");
    WorkstationSample other("other", "2026-04-01T00:00:00Z");
    other.at("2026-04-10T00:00:00Z").start().insert("k1").bind("k1", "001").at("2026-05-02T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(one, "one");
    district.enrol(other, "other");
    district.import({other.bundle(), one.bundle()});
    EXPECT_EQ(district.conflicts(), "");
    EXPECT_EQ(district.facts("2026-04").organisations[0].keys, 1U);
    EXPECT_EQ(district.facts("2026-04").organisations[1].keys, 0U);
}

TEST(DistrictConflicts, KeyInTwoComputersAtOnce) {
    WorkstationSample one("one", "2026-04-01T00:00:00Z");
    one.start()
        .bind("k1", "002")
        .at("2026-04-02T01:00:00Z")
        .insert("k1")
        .at("2026-04-02T02:00:00Z")
        .remove("k1");
    WorkstationSample other("other", "2026-04-01T00:00:00Z");
    other.start().at("2026-04-02T01:59:00Z").insert("k1").at("2026-04-02T03:00:00Z").remove("k1");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(one, "one");
    district.enrol(other, "other");
    district.import({one.bundle(), other.bundle()});
    EXPECT_EQ(district.conflicts(), "") << "a minute: the clocks may be apart by so much";
    one.at("2026-04-03T01:00:00Z").insert("k1").at("2026-04-03T05:00:00Z").remove("k1");
    other.at("2026-04-03T02:00:00Z").insert("k1").session("k1", "002").remove("k1");
    district.import({other.bundle(), one.bundle()});
    EXPECT_EQ(district.conflicts(), "conflict.key_on_two_computers k1 [002] 2 2 times\n");
    EXPECT_EQ(minutes(district.facts("2026-04").conflicts.front().time), "04-03T02:00");
}

TEST(DistrictRegistry, MonthIsReportedByTheRegistryOfItsEnd) {
    DistrictSample district;
    district.registry(two_organisations, "2026-02-01");
    district.registry("区委,001,committee\n区委 - 新支部,002,branch\n", "2026-04-10");
    EXPECT_EQ(district.facts("2026-01").organisations[1].organisation.name(), "支部")
        << "the earliest there is";
    EXPECT_EQ(district.facts("2026-03").organisations[1].organisation.name(), "支部");
    EXPECT_EQ(district.facts("2026-04").organisations[1].organisation.name(), "新支部");
    const std::string march = district.report("2026-03");
    district.registry("区委,001,committee\n区委 - 更新支部,002,branch\n", "2026-05-01");
    EXPECT_EQ(district.report("2026-03"), march);
    EXPECT_EQ(district.facts("2026-05").organisations[1].organisation.name(), "更新支部");
    EXPECT_NE(district.facts("2026-03").registry_sha256, district.facts("2026-05").registry_sha256);
}

TEST(DistrictRegistry, FileThatComesLateHoldsUntilTheNextOne) {
    DistrictSample district;
    district.registry(two_organisations, "2026-01-01");
    district.registry(two_organisations, "2026-03-01"); // it changes nothing
    district.registry("区委,001,committee\n区委 - 新支部,002,branch\n", "2026-02-01");
    const auto name = [&district](const char* month) {
        return district.facts(month).organisations[1].organisation.name();
    };
    EXPECT_EQ(name("2026-01"), "支部");
    EXPECT_EQ(name("2026-02"), "新支部");
    EXPECT_EQ(name("2026-03"), "支部");
    district.registry("区委,001,committee\n区委 - 第三支部,002,branch\n", "2026-02-15");
    EXPECT_EQ(name("2026-02"), "第三支部");
    EXPECT_EQ(name("2026-03"), "支部");

    DistrictSample other;
    other.registry(two_organisations, "2026-01-01");
    other.registry("区委,001,committee\n", "2026-03-01"); // it does not name the branch
    other.registry("区委,001,committee\n区委 - 新支部,002,branch\n", "2026-02-01");
    EXPECT_EQ(other.facts("2026-03").organisations[1].organisation.name(), "新支部");
}

TEST(DistrictRegistry, FileIsCheckedAgainstThatDay) {
    DistrictSample district;
    district.registry(two_organisations, "2026-02-01");
    const auto rows = read_registry("f", "path,code\n区委 - 另一支部,003\n区委 - 支部,004\n").value();
    const auto day = ChinaDate::parse("2026-03-01").value();
    EXPECT_EQ(import_registry(district.database(), "f", rows, day, false).error().code, "registry.duplicate");
    EXPECT_EQ(district.facts("2026-03").organisations.size(), 2U) << "all or nothing";
    const auto good = read_registry("f", "path,code\n区委 - 另一支部,003\n").value();
    EXPECT_EQ(import_registry(district.database(), "f", good, day, true).value().added, 1U);
    EXPECT_EQ(district.facts("2026-03").organisations.size(), 2U) << "only tried";
    EXPECT_EQ(import_registry(district.database(), "f", good, day, false).value().added, 1U);
    EXPECT_EQ(import_registry(district.database(), "f", good, day, false).value().unchanged, 1U);
}

TEST(DistrictPlatform, LoginsAreReadAsOfficesWriteThem) {
    const auto logins = read_platform_logins("f", "姓名,登录时间,组织代码\n张三,2026-04-01 08:30:05,002\n"
                                                  "李四,2026/4/1 8:30,001\n")
                            .value();
    ASSERT_EQ(logins.size(), 2U);
    EXPECT_EQ(logins[0], (PlatformLogin{"002", parse_timestamp("2026-04-01T00:30:05Z").value()}));
    EXPECT_EQ(logins[1], (PlatformLogin{"001", parse_timestamp("2026-04-01T00:30:00Z").value()}));
    for (const std::string& bad :
         std::vector<std::string>{"2026-04-01", "2026-13-01 08:00", "08:00", "2026-04-01 08",
                                  "2026-04-01 08:30:99", "2026-04-01 08:30 x", ""}) {
        const auto refused = read_platform_logins("f", "code,time\n001," + bad + "\n");
        ASSERT_FALSE(refused) << bad;
        EXPECT_EQ(refused.error().code, "platform.bad_cell");
        EXPECT_EQ(refused.error().object, "f:2");
    }
    EXPECT_EQ(read_platform_logins("f", "code,x\n").error().code, "platform.missing_column");
    EXPECT_EQ(read_platform_logins("f", "").error().code, "platform.missing_column");
}

TEST(DistrictPlatform, LoginsAreASecondKindOfEvidence) {
    DistrictSample district;
    district.registry(two_organisations);
    const std::string report = district.report("2026-04");
    const auto logins =
        read_platform_logins("f",
                             "code,time\n002,2026-04-01 08:30\n002,2026-04-30 23:59\n002,2026-05-01 00:00\n"
                             "999,2026-04-02 08:00\n")
            .value();
    const PlatformImport first = import_platform_logins(district.database(), logins).value();
    EXPECT_EQ(first.added, 4U);
    EXPECT_EQ(first.unknown_organisations, std::vector<std::string>{"999"});
    const PlatformImport again = import_platform_logins(district.database(), logins).value();
    EXPECT_EQ(again.added, 0U);
    EXPECT_EQ(again.known, 4U);
    const MonthFacts facts = district.facts("2026-04");
    EXPECT_EQ(facts.organisations[0].platform_logins, 0U);
    EXPECT_EQ(facts.organisations[1].platform_logins, 2U);
    EXPECT_TRUE(facts.organisations[1].sessions.empty());
    EXPECT_EQ(district.facts("2026-06").organisations[1].platform_logins, std::nullopt);
    EXPECT_EQ(status_of(district, "2026-04", "002"), LoginStatus::not_met) << "never added to ours";
}

TEST(DistrictStatus, SaysWhatIsMissing) {
    DistrictSample district;
    const auto month = ChinaMonth::parse("2026-04").value();
    const auto codes = [&] {
        std::string text;
        const Status status = read_status(district.database(), month).value();
        for (const Finding& finding : status.findings) {
            text += finding.code + "; ";
        }
        return text;
    };
    EXPECT_EQ(codes(), "district.registry_empty; district.no_workstation; ");
    district.registry(two_organisations);
    WorkstationSample workstation = idle();
    district.enrol(workstation);
    EXPECT_EQ(codes(), "district.workstation_missing; ");
    workstation.at("2026-04-10T00:00:00Z").session("k1", "777");
    district.import({workstation.bundle()});
    EXPECT_EQ(codes(), "district.workstation_incomplete; district.unknown_organisation; ");
    workstation.at("2026-05-10T00:00:00Z");
    district.import({workstation.bundle()});
    EXPECT_EQ(codes(), "district.unknown_organisation; ");
    const Status status = read_status(district.database(), month).value();
    EXPECT_EQ(status.organisations, 2U);
    ASSERT_EQ(status.workstations.size(), 1U);
    EXPECT_EQ(status.workstations.front().state, MonthState::complete);
    EXPECT_EQ(minutes(status.workstations.front().extent.vouched_until), "05-10T00:00");
    EXPECT_NE(render(status, Style()).find("office"), std::string::npos);
    EXPECT_EQ(to_json(status).at("workstations").as_array().size(), 1U);
}

} // namespace
} // namespace ukey::ctl::district
