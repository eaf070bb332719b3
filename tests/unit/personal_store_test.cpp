// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/personal_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <boost/json/parse.hpp>

#include "daemon/store/key_store.hpp"
#include "daemon/store/projection.hpp"
#include "daemon/store/registry_store.hpp"
#include "daemon/store/session_store.hpp"
#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

using namespace std::chrono_literals;

class PersonalStoreTest : public ::testing::Test {
  protected:
    PersonalStoreTest() { clock_.time = parse_timestamp("2026-04-15T12:00:00Z").value(); }

    std::string path() const { return (folder_.path() / "ukeyd.db").string(); }

    LoginSession log_in(char digit, const std::string& executable) {
        LoginSession session;
        session.login = std::string(32, digit);
        session.uid = 31337;
        session.executable = executable;
        session.application = "application of " + executable;
        session.grade = EvidenceGrade::observed;
        session.started = clock_.time;
        EXPECT_TRUE(start_session(storage_, session));
        clock_.time += 24h;
        return session;
    }

    /// All that is in the state folder.
    std::string bytes() const {
        std::string all;
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
            std::ifstream file(entry.path(), std::ios::binary);
            all.append(std::istreambuf_iterator<char>(file), {});
        }
        return all;
    }

    std::string head() {
        std::string head = ledger_genesis_hash();
        ChainVerifier chain;
        EXPECT_TRUE(storage_.visit_records(1, 0, [&](const LedgerRecord& record) {
            EXPECT_EQ(chain.add(record), std::nullopt);
            return true;
        }));
        return chain.head();
    }

    ProjectionVerdict compare() {
        auto transaction = Transaction::begin_reading(storage_.database());
        return compare_projection(storage_).value();
    }

    test::TemporaryFolder folder_;
    test::SetClock clock_;
    Storage storage_ = Storage::open(path(), clock_).value();
};

TEST_F(PersonalStoreTest, WhatIsRemovedIsInNoFileAndTheChainHolds) {
    log_in('a', "/home/wang/first-program");
    const Timestamp before = clock_.time;
    log_in('b', "/home/wang/second-program");
    ASSERT_TRUE(end_session(storage_, std::string(32, 'a'), {EndReason::logout, clock_.time, 3}));
    EXPECT_NE(bytes().find("/home/wang/first"), std::string::npos);
    ASSERT_EQ(remove_personal_data(storage_, {before, 0})->records, 1U);
    const std::string left = bytes();
    EXPECT_EQ(left.find("/home/wang/first"), std::string::npos);
    EXPECT_EQ(left.find("application of /home/wang/first"), std::string::npos);
    EXPECT_NE(left.find("/home/wang/second"), std::string::npos);
    EXPECT_EQ(head(), storage_.head_hash());
    EXPECT_EQ(compare().differing, 0U);

    const LoginSession session = find_session(storage_, std::string(32, 'a'), std::nullopt).value();
    EXPECT_EQ(session.uid, removed_uid);
    EXPECT_EQ(session.executable, "first-program") << "the criterion's rule goes by it";
    EXPECT_EQ(session.application, "");
    EXPECT_EQ(session.uses, 3U);
    EXPECT_EQ(find_session(storage_, std::string(32, 'b'), std::nullopt)->uid, 31337U);
    EXPECT_EQ(list_sessions(storage_,
                            {.month = {}, .key_id = {}, .organisation = {}, .open_only = false, .uid = 31337})
                  ->size(),
              1U);
}

TEST_F(PersonalStoreTest, RemovalIsARecordAlsoOfNothing) {
    ASSERT_EQ(remove_personal_data(storage_, {clock_.time, 31337})->records, 0U);
    boost::json::value payload;
    const Opening* kept = nullptr;
    std::optional<Opening> opening;
    ASSERT_TRUE(storage_.visit_opened_records(1, 0, [&](const LedgerRecord& record, const Opening* what) {
        EXPECT_EQ(record.kind, "personal.removed");
        payload = boost::json::parse(record.payload);
        kept = what;
        if (what != nullptr) {
            opening = *what;
        }
        return true;
    }));
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(opening->value, R"({"uid":31337})");
    EXPECT_EQ(payload.at("records"), 0);
    EXPECT_EQ(payload.at("before"), "2026-04-15T12:00:00.000000Z");
    EXPECT_EQ(payload.at("personal").as_string(), reference_to(*opening));
}

TEST_F(PersonalStoreTest, OpeningsAreNotChangedAndNotRemovedUnsaid) {
    log_in('a', "/home/wang/program");
    Database& database = storage_.database();
    EXPECT_FALSE(database.execute("UPDATE personal SET value = '{}'"));
    ASSERT_TRUE(
        database.execute("DROP TRIGGER personal_no_update; UPDATE personal SET value = x'7b7d'")); // {}
    ProjectionVerdict verdict = compare();
    ASSERT_FALSE(verdict.differences.empty());
    EXPECT_EQ(verdict.differences.front().table, "personal");
    EXPECT_EQ(verdict.differences.front().row, "1");
    EXPECT_EQ(verdict.differences.front().column, "value");
    ASSERT_TRUE(database.execute("DELETE FROM personal"));
    verdict = compare();
    ASSERT_FALSE(verdict.differences.empty());
    EXPECT_EQ(verdict.differences.front().table, "personal");
    EXPECT_EQ(verdict.differences.front().derived, "a row");
}

TEST_F(PersonalStoreTest, NameInTheCertificateOfAKeyThatIsGoneIsRemoved) {
    Insertion insertion{.identity = {"m", "m", "1"},
                        .label = "label of wang",
                        .module = "module.so",
                        .slot_description = {},
                        .certificate = CertificateFacts{},
                        .present_key_ids = {}};
    insertion.certificate->der = "certificate of wang";
    insertion.certificate->fingerprint_sha256 = sha256_hex(insertion.certificate->der);
    insertion.certificate->spki_sha256 = std::string(64, 'a');
    insertion.certificate->organisation_name = "051@wang@1";
    ASSERT_TRUE(record_insertion(storage_, insertion));
    insertion.identity.serial = "2";
    insertion.certificate->spki_sha256 = std::string(64, 'b');
    clock_.time += 24h;
    const Timestamp before = clock_.time;
    const std::string late = record_insertion(storage_, insertion)->key_id;
    ASSERT_EQ(remove_personal_data(storage_, {before, 0})->records, 1U);
    const auto keys = list_keys(storage_).value();
    ASSERT_EQ(keys.size(), 2U);
    for (const KeyRecord& key : keys) {
        EXPECT_EQ(key.certificate_der.empty(), key.key_id != late);
        EXPECT_EQ(key.label.empty(), key.key_id != late);
    }
    EXPECT_EQ(compare().differing, 0U);
}

/// While it is bound its name is needed. Its first record has lost what it refers to by the time it is not.
TEST_F(PersonalStoreTest, NameOfAKeyThatWasBoundIsRemovedLater) {
    Organisation organisation;
    organisation.code = "500102000001";
    organisation.path = {"支部"};
    ASSERT_TRUE(import_registry(storage_, "r.csv", {{2, organisation}}, 0, false));
    Insertion insertion{.identity = {"m", "m", "1"},
                        .label = "label of wang",
                        .module = "module.so",
                        .slot_description = {},
                        .certificate = CertificateFacts{},
                        .present_key_ids = {}};
    insertion.certificate->der = "certificate of wang";
    insertion.certificate->fingerprint_sha256 = sha256_hex(insertion.certificate->der);
    insertion.certificate->spki_sha256 = std::string(64, 'a');
    insertion.certificate->organisation_name = "支部";
    const std::string key_id = record_insertion(storage_, insertion)->key_id;
    const auto refused = bind_key(storage_, {.key_id = key_id,
                                             .organisation = organisation.code,
                                             .certificate = *insertion.certificate,
                                             .one_key_per_organisation = false,
                                             .uid = 0});
    ASSERT_TRUE(refused && !*refused);
    clock_.time += 24h;
    ASSERT_TRUE(remove_personal_data(storage_, {clock_.time, 0}));
    EXPECT_EQ(list_keys(storage_)->front().label, "label of wang");
    EXPECT_EQ(compare().differing, 0U);
    ASSERT_TRUE(release_key(storage_, key_id, 0));
    clock_.time += 24h;
    ASSERT_TRUE(remove_personal_data(storage_, {clock_.time, 0}));
    EXPECT_EQ(list_keys(storage_)->front().label, "");
    EXPECT_EQ(bytes().find("certificate of wang"), std::string::npos);
    EXPECT_EQ(compare().differing, 0U);
}

/// Rows of many lengths: SQLite moves them from page to page, and leaves what it has moved.
TEST_F(PersonalStoreTest, NothingIsLeftInPagesFromWhichRowsWereMoved) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    ASSERT_TRUE(storage_.database().execute("PRAGMA synchronous=OFF")); // no test of the disk
    const auto marker = [](int number) { return "/marker-" + std::to_string(1000 + number) + "/"; };
    Timestamp before{};
    for (int number = 0; number < 300; ++number) {
        before = number < 200 ? clock_.time : before;
        LoginSession session;
        session.login = sha256_hex(marker(number)).substr(0, 32);
        session.executable = "/home" + marker(number) + std::string(random() % 2000, 'x');
        session.started = clock_.time;
        ASSERT_TRUE(start_session(storage_, session));
        clock_.time += 1h;
    }
    for (int removal = 3; removal >= 0; --removal) {
        ASSERT_TRUE(remove_personal_data(storage_, {before - removal * 50h, 0})->is_gone);
        const std::string left = bytes();
        for (int number = 0; number < 300; ++number) {
            EXPECT_EQ(left.find(marker(number)) == std::string::npos, number < 199 - removal * 50) << number;
        }
    }
}

} // namespace
} // namespace ukey
