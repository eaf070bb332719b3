// SPDX-License-Identifier: Apache-2.0
#include "tools/district/import.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/attested_ledger.hpp"
#include "tests/support/district_sample.hpp"
#include "tools/district/roster.hpp"

namespace ukey::ctl::district {
namespace {

using test::DistrictSample;
using test::LedgerSample;
using test::WorkstationSample;

constexpr const char* two_organisations = "区委,001,committee\n区委 - 支部,002,branch\n";

/// "code seq" of each problem of each file.
std::string problems(const Import& import) {
    std::string text;
    for (const ImportedFile& file : import.files) {
        for (const BundleProblem& problem : file.problems) {
            text += problem.code + (problem.seq ? " " + std::to_string(*problem.seq) : "") + "; ";
        }
    }
    return text;
}

std::uint64_t added(const Import& import) {
    std::uint64_t count = 0;
    for (const ImportedFile& file : import.files) {
        count += file.added;
    }
    return count;
}

/// One that was there all of April, with a login of organisation 002.
WorkstationSample april() {
    WorkstationSample workstation("office");
    workstation.at("2026-03-20T00:00:00Z").start().insert("k1").bind("k1", "002");
    workstation.at("2026-04-05T01:00:00Z").session("k1", "002");
    workstation.at("2026-05-02T00:00:00Z");
    return workstation;
}

TEST(DistrictStore, IsMadeOnceAndNothingElseIsTakenForOne) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "store").string();
    EXPECT_EQ(Store::open(path).error().code, "file.unreadable");
    ASSERT_TRUE(Store::create(path));
    EXPECT_EQ(Store::create(path).error().code, "district.exists");
    EXPECT_TRUE(Store::open(path));
    EXPECT_EQ(
        Store::open(folder.write("text", "no database at all, but some text of some length")).error().code,
        "district.no_store");
    EXPECT_EQ(Store::open(folder.write("empty", "")).error().code, "district.no_store");
}

/// The tables of version 1 as they were, with a login in them.
TEST(DistrictStore, OfVersion1IsBroughtUpToDate) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "store").string();
    {
        Store store = Store::create(path).value();
        ASSERT_TRUE(store.database().execute(
            "DROP TABLE registry_unchanged; DROP TABLE shared_login; DROP TABLE session; DROP TABLE "
            "misplaced_session;"
            "CREATE TABLE session (month INTEGER NOT NULL, organisation INTEGER NOT NULL, "
            "started_us INTEGER NOT NULL, login BLOB NOT NULL, workstation INTEGER NOT NULL, "
            "seq INTEGER NOT NULL, key INTEGER NOT NULL, grade INTEGER NOT NULL, program INTEGER NOT NULL, "
            "uses INTEGER NOT NULL, ended_us INTEGER, state_seq INTEGER NOT NULL, "
            "PRIMARY KEY (month, organisation, started_us, login)) STRICT, WITHOUT ROWID;"
            "CREATE UNIQUE INDEX session_by_login ON session (login);"
            "CREATE INDEX session_by_record ON session (workstation, seq);"
            "CREATE TABLE misplaced_session (login BLOB NOT NULL, workstation INTEGER NOT NULL, "
            "organisation INTEGER NOT NULL, started_us INTEGER NOT NULL, other_us INTEGER NOT NULL, "
            "PRIMARY KEY (login, other_us)) STRICT, WITHOUT ROWID;"
            "CREATE INDEX misplaced_by_workstation ON misplaced_session (workstation);"
            "INSERT INTO session VALUES (1, 2, 3, x'aa', 4, 5, 6, 1, 7, 8, NULL, 9);"
            "INSERT INTO workstation VALUES (4, 'f', 'office', 0, NULL);"
            "INSERT INTO coverage VALUES (4, 1, 2);"
            "PRAGMA user_version = 1"));
    }
    for (int opened = 0; opened < 2; ++opened) {
        auto store = Store::open(path);
        ASSERT_TRUE(store) << to_string(store.error());
        EXPECT_EQ(store->database().pragma("user_version").value(), 3);
        auto row = store->database().prepare("SELECT uses, state_seq, (SELECT count(*) FROM shared_login) "
                                             "FROM session WHERE login = x'aa' AND workstation = 4");
        ASSERT_TRUE(row.step().value());
        EXPECT_EQ(row.integer(0), 8);
        EXPECT_EQ(row.integer(1), 9);
        EXPECT_EQ(row.integer(2), 0);
        auto left = store->database().prepare("SELECT (SELECT count(*) FROM coverage) + "
                                              "(SELECT count(*) FROM registry_unchanged)");
        ASSERT_TRUE(left.step().value());
        EXPECT_EQ(left.integer(0), 0) << "it has no records: that was reckoned anew";
        EXPECT_TRUE(
            store->database().execute("INSERT OR IGNORE INTO session VALUES (1, 2, 3, x'aa', 5, 5, 6, "
                                      "1, 7, 8, NULL, 9)"))
            << "another workstation's";
    }
}

TEST(DistrictRoster, RevokedOneDoesNotComeBack) {
    DistrictSample district;
    const WorkstationSample workstation("office");
    EXPECT_EQ(enrol(district.database(), "abc", "", {}).error().code, "district.bad_fingerprint");
    EXPECT_EQ(revoke(district.database(), workstation.fingerprint(), {}).error().code,
              "district.workstation_unknown");
    district.enrol(workstation, "first name");
    district.enrol(workstation, "second name");
    const auto roster = read_roster(district.database()).value();
    ASSERT_EQ(roster.size(), 1U);
    EXPECT_EQ(roster.front().name, "second name");
    district.revoke(workstation, "2026-05-01T00:00:00Z");
    EXPECT_EQ(enrol(district.database(), workstation.fingerprint(), "", {}).error().code,
              "district.workstation_revoked");
}

TEST(DistrictRoster, ListIsTakenAsAWhole) {
    DistrictSample district;
    const std::string one(64, 'a');
    const std::string two(64, 'b');
    const auto list = TrustList::parse("list", one + " trusted 一\n" + two + " revoked 二\n").value();
    const RosterChanges first = enrol(district.database(), list, {}).value();
    EXPECT_EQ(first.enrolled, 1U);
    EXPECT_EQ(first.revoked, 1U);
    EXPECT_EQ(enrol(district.database(), list, {}).value().unchanged, 2U);
    const auto other = TrustList::parse("list", one + " trusted 新\n" + two + " trusted 二\n").value();
    EXPECT_EQ(enrol(district.database(), other, {}).error().code, "district.workstation_revoked");
    EXPECT_EQ(read_roster(district.database()).value().front().name, "一") << "nothing of it was taken";
}

TEST(DistrictImport, OnlyEnrolledWorkstationsAreTaken) {
    DistrictSample district;
    district.registry(two_organisations);
    const WorkstationSample workstation = april();
    EXPECT_EQ(problems(district.import({workstation.bundle()})), "bundle.workstation_unknown; ");
    district.enrol(workstation);
    const Import good = district.import({workstation.bundle()});
    EXPECT_TRUE(good.holds()) << problems(good);
    EXPECT_EQ(added(good), workstation.last_seq());
    const std::string report = district.report("2026-04");
    district.revoke(workstation, "2026-06-01T00:00:00Z");
    WorkstationSample later = workstation;
    later.at("2026-06-02T00:00:00Z").session("k1", "002");
    EXPECT_EQ(problems(district.import({later.bundle()})), "bundle.workstation_revoked; ");
    EXPECT_EQ(district.report("2026-04"), report) << "what was taken before stays";
}

TEST(DistrictImport, KeyThatFollowsAnotherIsTheSameWorkstation) {
    DistrictSample district;
    district.registry(two_organisations);
    WorkstationSample workstation("office");
    workstation.at("2026-03-20T00:00:00Z").start().insert("k1").bind("k1", "002");
    district.enrol(workstation, "by its first key");
    const WorkstationSample before = workstation;
    const std::string first = workstation.bundle();
    workstation.at("2026-04-05T01:00:00Z").rotate_key();
    const std::uint64_t rotated = workstation.last_seq();
    workstation.session("k1", "002").at("2026-05-02T00:00:00Z");
    const Import import = district.import({workstation.bundle(rotated), first});
    ASSERT_TRUE(import.holds()) << problems(import);
    EXPECT_EQ(import.files.front().workstation, before.fingerprint());
    EXPECT_EQ(district.conflicts(), "");
    const std::string report = district.report("2026-04");
    EXPECT_NE(report.find(R"("met")"), std::string::npos);

    district.enrol(workstation, "by its second key");
    EXPECT_EQ(district.report("2026-04"), report) << "nothing is asked of it beside the first";
    district.revoke(before, "2026-06-01T00:00:00Z");
    workstation.at("2026-06-02T00:00:00Z").session("k1", "002");
    EXPECT_TRUE(district.import({workstation.bundle()}).holds()) << "the second key was enrolled by itself";
    DistrictSample other;
    other.enrol(before);
    other.revoke(before, "2026-06-01T00:00:00Z");
    EXPECT_EQ(problems(other.import({workstation.bundle()})), "bundle.workstation_revoked; ");
}

/// Imported without the CAs first: only the signature was looked at.
TEST(DistrictImport, CertificateThatIsNotTrustedLaterTakesTheGradeAway) {
    const Timestamp moment = parse_timestamp("2026-04-01T00:00:01Z").value();
    const auto certificate = test::TestCertificate::self_signed(test::CertificateRequest(), moment);
    const LedgerSample ledger = test::with_attested_login(certificate, moment);
    DistrictSample district;
    ASSERT_TRUE(enrol(district.database(), ledger.key().fingerprint(), "office", Timestamp()));
    const auto grade = [&district] {
        auto statement = district.database().prepare("SELECT grade FROM session");
        EXPECT_TRUE(statement.step().value());
        return static_cast<EvidenceGrade>(statement.integer(0));
    };
    ASSERT_TRUE(district.import({ledger.bundle()}).holds());
    EXPECT_EQ(grade(), EvidenceGrade::attested);
    const std::string own = district.folder().write("own.pem", certificate.pem());
    EXPECT_TRUE(district.import({ledger.bundle()}, {own}).holds());
    EXPECT_EQ(grade(), EvidenceGrade::attested);
    const std::string other =
        district.folder().write("other.pem", test::make_root(test::KeyType::p_256, moment).pem());
    EXPECT_EQ(problems(district.import({ledger.bundle()}, {other})), "bundle.attestation_wrong 2; ");
    EXPECT_EQ(grade(), EvidenceGrade::observed);
}

/// Some bundles came before the first key was enrolled, by the second one.
TEST(DistrictImport, OlderKeyEnrolledLaterSplitsNoLedger) {
    DistrictSample district;
    district.registry(two_organisations);
    WorkstationSample workstation("office");
    workstation.at("2026-03-20T00:00:00Z").start().insert("k1").bind("k1", "002");
    const WorkstationSample before = workstation;
    workstation.at("2026-04-05T01:00:00Z").rotate_key();
    district.enrol(workstation, "by its second key");
    ASSERT_TRUE(district.import({workstation.bundle()}).holds());
    district.enrol(before, "by its first key");
    const Import older = district.import({before.bundle()});
    ASSERT_TRUE(older.holds()) << problems(older);
    EXPECT_EQ(older.files.front().workstation, workstation.fingerprint()) << "it has the ledger";
    const std::uint64_t known = workstation.last_seq();
    workstation.at("2026-05-02T00:00:00Z").session("k1", "002");
    const Import import = district.import({workstation.bundle(known + 1)});
    ASSERT_TRUE(import.holds()) << problems(import);
    EXPECT_EQ(import.files.front().workstation, workstation.fingerprint());
    EXPECT_EQ(district.conflicts(), "");
}

TEST(DistrictImport, RecordsUnderTwoKeysOfOneComputerAreNoTwoComputers) {
    DistrictSample district;
    district.registry(two_organisations);
    WorkstationSample workstation("office");
    workstation.at("2026-03-20T00:00:00Z").start().insert("k1").bind("k1", "002");
    const WorkstationSample before = workstation;
    district.enrol(before, "by its first key");
    workstation.at("2026-04-05T01:00:00Z").session("k1", "002").rotate_key();
    ASSERT_TRUE(district.import({workstation.bundle()}).holds());
    district.enrol(workstation, "by its second key");
    district.revoke(before, "2026-04-06T00:00:00Z");
    workstation.at("2026-05-02T00:00:00Z").session("k1", "002");
    const Import import = district.import({workstation.bundle()});
    ASSERT_TRUE(import.holds()) << problems(import);
    EXPECT_EQ(import.files.front().workstation, workstation.fingerprint());
    EXPECT_EQ(district.conflicts(), "");
}

TEST(DistrictImport, NothingOfABundleThatDoesNotHoldIsTaken) {
    DistrictSample district;
    const WorkstationSample workstation = april();
    district.enrol(workstation);
    std::string changed = workstation.bundle();
    const std::size_t place = changed.find("vpn-client");
    changed[place] = 'w';
    const Import import = district.import({changed, workstation.bundle()});
    EXPECT_FALSE(import.holds());
    EXPECT_EQ(problems(import), "bundle.record_wrong 4; ");
    EXPECT_EQ(import.files.front().added, 0U);
    EXPECT_EQ(import.files.back().added, workstation.last_seq()) << "the other one is";
}

TEST(DistrictImport, SameBundleAgainChangesNothing) {
    DistrictSample district;
    district.registry(two_organisations);
    WorkstationSample workstation = april();
    district.enrol(workstation);
    const std::string bundle = workstation.bundle();
    const Import twice = district.import({bundle, bundle});
    EXPECT_EQ(added(twice), workstation.last_seq());
    EXPECT_TRUE(twice.files.back().known);
    const std::string report = district.report("2026-04");
    const Import again = district.import({bundle});
    EXPECT_TRUE(again.holds());
    EXPECT_TRUE(again.files.front().known);
    EXPECT_EQ(added(again), 0U);
    EXPECT_EQ(district.report("2026-04"), report);
}

TEST(DistrictImport, OverlappingBundlesAddOnlyWhatIsNew) {
    DistrictSample district;
    WorkstationSample workstation = april();
    district.enrol(workstation);
    const std::uint64_t before = workstation.last_seq();
    EXPECT_EQ(added(district.import({workstation.bundle()})), before);
    workstation.at("2026-05-03T00:00:00Z").session("k1", "002");
    EXPECT_EQ(added(district.import({workstation.bundle(2)})), workstation.last_seq() - before);
    EXPECT_EQ(added(district.import({workstation.bundle(4)})), 0U);
    EXPECT_EQ(district.conflicts(), "");
}

TEST(DistrictImport, SessionOverTwoBundlesIsOne) {
    const std::string login(32, 'a');
    WorkstationSample workstation("office");
    workstation.at("2026-04-01T00:00:00Z")
        .start()
        .insert("k1")
        .bind("k1", "002")
        .begin_session(login, "k1", "002");
    const std::string first = workstation.bundle();
    const std::uint64_t next = workstation.last_seq() + 1;
    workstation.at("2026-04-02T00:00:00Z").use_session(login, 3).end_session(login, 4);
    const std::string second = workstation.bundle(next);
    for (const auto& order : {std::vector{first, second}, std::vector{second, first}}) {
        DistrictSample district;
        district.registry(two_organisations);
        district.enrol(workstation);
        for (const std::string& bundle : order) {
            district.import({bundle});
        }
        const MonthFacts facts = district.facts("2026-04");
        ASSERT_EQ(facts.organisations[1].sessions.size(), 1U);
        EXPECT_EQ(facts.organisations[1].sessions.front().uses, 4U);
    }
}

TEST(DistrictImport, ForkCutTailAndGapAreKept) {
    WorkstationSample workstation = april();
    const WorkstationSample short_one = workstation;
    workstation.at("2026-05-03T00:00:00Z").session("k1", "002").session("k1", "002");
    {
        DistrictSample district;
        district.enrol(workstation);
        WorkstationSample other = workstation.forked_after(4);
        other.at("2026-05-04T00:00:00Z").session("k1", "002");
        district.import({workstation.bundle()});
        const Import import = district.import({other.bundle()});
        EXPECT_EQ(import.conflicts_of, std::vector<std::string>{workstation.fingerprint()});
        EXPECT_EQ(district.conflicts(),
                  "bundle.fork  [] 1 different records from number 5 on\n"
                  "bundle.cut_tail  [] 1 bundles written later end with record 6, an earlier "
                  "one goes on to 9\n");
    }
    {
        DistrictSample district;
        district.enrol(workstation);
        WorkstationSample cut = short_one;
        cut.at("2026-05-05T00:00:00Z");
        district.import({workstation.bundle(), cut.bundle()});
        EXPECT_EQ(district.conflicts(),
                  "bundle.cut_tail  [] 1 bundles written later end with record 5, an earlier "
                  "one goes on to 9\n");
        workstation.at("2026-05-06T00:00:00Z");
        district.import({workstation.bundle()});
        EXPECT_EQ(district.conflicts(), "") << "a later bundle still has them: it was only a shorter export";
    }
    {
        DistrictSample district;
        district.enrol(workstation);
        district.import({short_one.bundle(), workstation.bundle(short_one.last_seq() + 3)});
        EXPECT_EQ(district.conflicts(), "bundle.gap  [] 1 records 6 to 7 are missing\n");
        district.import({workstation.bundle(short_one.last_seq() + 1)});
        EXPECT_EQ(district.conflicts(), "") << "it fills the gap";
    }
}

/// A record `session.started` of a workstation that says what it likes.
std::string started(const std::string& login, std::string_view started_at, std::string_view more) {
    return R"({"login":")" + login + R"(","started_at":")" + std::string(started_at) + "\"," +
           std::string(more) + "}";
}

TEST(DistrictImport, NoLedgerTakesAnothersLoginAway) {
    const std::string login(32, 'a');
    WorkstationSample honest("honest");
    honest.at("2026-04-01T00:00:00Z").start().insert("k1").bind("k1", "002");
    honest.at("2026-04-03T00:00:00Z").begin_session(login, "k1", "002").end_session(login, 1);
    honest.at("2026-05-02T00:00:00Z");
    WorkstationSample other("other", "2026-04-04T00:00:00Z");
    other.append("session.started", started(login, "1970-01-01T00:00:00.000000Z",
                                            R"("key":"","organisation":"","grade":"late","uses":0)"));
    other.append("clock.stepped", R"({"stepped_us":9000000000000})"); // its own row is misplaced, no other
    for (const auto& order :
         {std::vector{honest.bundle(), other.bundle()}, std::vector{other.bundle(), honest.bundle()}}) {
        DistrictSample district;
        district.registry(two_organisations);
        district.enrol(honest);
        district.enrol(other);
        ASSERT_TRUE(district.import(order).holds());
        ASSERT_EQ(district.facts("2026-04").organisations[1].sessions.size(), 1U);
        EXPECT_EQ(district.facts("2026-04").organisations[1].sessions.front().workstation,
                  honest.fingerprint());
    }
}

TEST(DistrictImport, LoginThatALedgerHasTwiceIsOneWithAllItsUses) {
    const std::string login(32, 'a');
    WorkstationSample workstation("office");
    workstation.at("2026-04-03T00:00:00Z").start().insert("k1").bind("k1", "002");
    workstation.begin_session(login, "k1", "002");
    const std::string first = workstation.bundle();
    const std::uint64_t next = workstation.last_seq() + 1;
    workstation.append("session.started",
                       started(login, "2026-04-03T00:00:00.000000Z",
                               R"("key":"k1","organisation":"002","grade":"observed","uses":3)"));
    const std::string second = workstation.bundle(next);
    for (const auto& order : {std::vector{first, second}, std::vector{second, first}}) {
        DistrictSample district;
        district.registry(two_organisations);
        district.enrol(workstation);
        for (const std::string& bundle : order) {
            ASSERT_TRUE(district.import({bundle}).holds());
        }
        const MonthFacts facts = district.facts("2026-04");
        ASSERT_EQ(facts.organisations[1].sessions.size(), 1U);
        EXPECT_EQ(facts.organisations[1].sessions.front().uses, 3U);
    }
}

TEST(DistrictImport, ReleaseFromNowhereKeepsNobodyOut) {
    WorkstationSample strange("strange");
    strange.at("2026-04-01T00:00:00Z").append("key.released", R"({"key":"k1"})");
    strange.at("2026-05-02T00:00:00Z");
    DistrictSample district;
    district.registry(two_organisations);
    district.enrol(strange);
    const WorkstationSample honest = april();
    district.enrol(honest);
    EXPECT_TRUE(district.import({strange.bundle()}).holds());
    EXPECT_TRUE(district.import({honest.bundle()}).holds());
    EXPECT_EQ(district.conflicts(), "");
}

TEST(DistrictImport, KeyOfTwoOrganisationsIsFoundInEitherOrder) {
    WorkstationSample one("one");
    one.at("2026-03-01T00:00:00Z").start().insert("k1").bind("k1", "001");
    const std::uint64_t next = one.last_seq() + 1;
    one.at("2026-04-10T00:00:00Z").release("k1", "001"); // all that its bundle has of the key
    const WorkstationSample other = april();             // bound to 002 since March
    std::string found;
    for (const auto& order :
         {std::vector{one.bundle(next), other.bundle()}, std::vector{other.bundle(), one.bundle(next)}}) {
        DistrictSample district;
        district.registry(two_organisations);
        district.enrol(one);
        district.enrol(other);
        for (const std::string& bundle : order) {
            ASSERT_TRUE(district.import({bundle}).holds());
        }
        EXPECT_NE(district.conflicts().find("conflict.key_with_two_organisations"), std::string::npos);
        EXPECT_EQ(found.empty() ? district.conflicts() : found, district.conflicts());
        found = district.conflicts();
    }
}

class DistrictRestored : public ::testing::Test {
  protected:
    /// Restored on the fifth of May from a backup of record 4, with a login since.
    static WorkstationSample restored(const WorkstationSample& lost) {
        WorkstationSample other = lost.forked_after(4);
        other.booted_at("2026-05-05T00:00:00Z").restore().session("k1", "002");
        return other;
    }

    DistrictRestored() {
        lost_.at("2026-05-03T00:00:00Z").session("k1", "002").session("k1", "002").session("k1", "002");
        district_.enrol(lost_);
    }

    WorkstationSample lost_ = april();
    DistrictSample district_;
};

TEST_F(DistrictRestored, ForkThatABackupExplainsSaysSo) {
    const WorkstationSample restored_one = restored(lost_);
    for (const auto& order : {std::vector{lost_.bundle(), restored_one.bundle()},
                              std::vector{restored_one.bundle(), lost_.bundle()}}) {
        DistrictSample district;
        district.enrol(lost_);
        district.registry(two_organisations);
        district.import(order);
        EXPECT_EQ(district.conflicts(),
                  "bundle.restored  [] 1 goes on from a restored backup with record 5\n");
        const MonthFacts facts = district.facts("2026-05");
        EXPECT_EQ(facts.organisations[1].sessions.size(), 4U) << "what both say counts";
        EXPECT_TRUE(std::ranges::any_of(facts.organisations[1].doubts, [](const Doubt& doubt) {
            return doubt.code == "coverage.service_away";
        })) << "of the time in between nothing is known";
    }
}

TEST_F(DistrictRestored, TwoComputersFromOneBackupAreAFork) {
    const WorkstationSample one = restored(lost_);
    WorkstationSample other = lost_.forked_after(4);
    other.booted_at("2026-05-06T00:00:00Z").restore();
    district_.import({one.bundle(), other.bundle()});
    EXPECT_TRUE(district_.conflicts().starts_with("bundle.fork  [] 1 different records from number 5 on\n"))
        << district_.conflicts();
}

TEST_F(DistrictRestored, CutTailAfterTheSeamIsStillFound) {
    WorkstationSample one = restored(lost_);
    const WorkstationSample short_one = one;
    one.at("2026-05-06T00:00:00Z").session("k1", "002");
    WorkstationSample cut = short_one;
    cut.at("2026-05-07T00:00:00Z");
    district_.import({lost_.bundle(), one.bundle(), cut.bundle()});
    EXPECT_EQ(
        district_.conflicts(),
        "bundle.restored  [] 1 goes on from a restored backup with record 5\n"
        "bundle.cut_tail  [] 1 bundles written later end with record 10, an earlier one goes on to 12\n");
}

/// The two lines of a fork have it at one number, each with another organisation.
TEST(DistrictImport, KeyThatAForkShowsTwiceAtOneNumberIsOneOrganisationsInEveryOrder) {
    WorkstationSample one("office");
    one.at("2026-03-20T00:00:00Z").start();
    WorkstationSample other = one.forked_after(one.last_seq());
    one.at("2026-04-05T00:00:00Z").session("k1", "001").at("2026-05-02T00:00:00Z");
    other.at("2026-04-06T00:00:00Z").session("k1", "002").at("2026-05-03T00:00:00Z");
    std::string report;
    for (const auto& order :
         {std::vector{one.bundle(), other.bundle()}, std::vector{other.bundle(), one.bundle()}}) {
        DistrictSample district;
        district.registry(two_organisations);
        district.enrol(one);
        ASSERT_TRUE(district.import(order).holds());
        EXPECT_EQ(report.empty() ? district.report("2026-04") : report, district.report("2026-04"));
        report = district.report("2026-04");
    }
}

/// Ledgers of some workstations cut into bundles in many ways, with a fork among them.
std::vector<std::string> many_bundles(std::mt19937_64& random, std::vector<WorkstationSample>& workstations) {
    std::vector<std::string> bundles;
    for (WorkstationSample& workstation : workstations) {
        workstation.at("2026-03-30T00:00:00Z").start();
        std::vector<std::uint64_t> starts{1};
        for (int day = 1; day <= 28; ++day) {
            workstation.booted_at("2026-04-" + std::string(day < 10 ? "0" : "") + std::to_string(day) +
                                  "T01:00:00Z");
            const std::string key = "k" + std::to_string(random() % 4);
            const std::string organisation = random() % 4 == 0 ? "001" : "002";
            switch (random() % 6) {
            case 0:
                workstation.stop().start();
                break;
            case 1:
                workstation.insert(key).bind(key, organisation);
                break;
            case 2:
                workstation.release(key, organisation).remove(key);
                break;
            case 3:
                workstation.append("coverage.gap", R"({"reason":"pin_state","key":")" + key + "\"}");
                break;
            default:
                workstation.insert(key).session(key, organisation, static_cast<unsigned>(random() % 3));
                break;
            }
            if (random() % 3 == 0) {
                bundles.push_back(workstation.bundle(starts[random() % starts.size()]));
                starts.push_back(workstation.last_seq() + 1);
            }
        }
    }
    WorkstationSample fork = workstations.front().forked_after(workstations.front().last_seq() / 2);
    const std::uint64_t fork_begin = fork.last_seq() + 1;
    fork.at("2026-05-01T00:00:00Z");
    if (random() % 2 == 0) {
        fork.restore();
    } else {
        fork.stop().start();
    }
    bundles.push_back(fork.bundle(1 + random() % fork_begin));
    fork.at("2026-05-01T02:00:00Z").session("k1", "002").session("k2", "001");
    bundles.push_back(fork.bundle(fork_begin + 1));
    return bundles;
}

TEST(DistrictImport, OrderOfBundlesDoesNotMatter) {
    const auto seed =
        static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed()) + std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int history = 0; history < 12; ++history) {
        std::vector<WorkstationSample> workstations;
        for (const char* name : {"one", "two", "three"}) {
            workstations.emplace_back(name);
        }
        std::vector<std::string> bundles = many_bundles(random, workstations);
        std::string expected;
        for (int order = 0; order < 4; ++order) {
            DistrictSample district;
            district.registry(two_organisations);
            for (const WorkstationSample& workstation : workstations) {
                district.enrol(workstation);
            }
            std::ranges::shuffle(bundles, random);
            // All at once, or one by one: what is derived meanwhile must not matter either.
            if (order % 2 == 0) {
                const Import import = district.import(bundles);
                ASSERT_TRUE(import.holds()) << problems(import);
            } else {
                for (const std::string& bundle : bundles) {
                    ASSERT_TRUE(district.import({bundle}).holds());
                }
            }
            const std::string report =
                district.report("2026-04") + "\n" + district.report("2026-05") + "\n" + district.conflicts();
            if (order == 0) {
                expected = report;
            }
            ASSERT_EQ(report, expected) << "history " << history << ", order " << order;
        }
    }
}

} // namespace
} // namespace ukey::ctl::district
