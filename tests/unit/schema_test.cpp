// SPDX-License-Identifier: Apache-2.0
// Databases that earlier versions wrote, kept as they were.
#include "daemon/store/schema.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "daemon/store/archive_store.hpp"
#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/key_store.hpp"
#include "daemon/store/lifecycle_store.hpp"
#include "daemon/store/registry_store.hpp"
#include "daemon/store/session_store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

TEST(Schema, DatabaseOfVersion1IsBroughtUpToDate) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "ukeyd.db").string();
    std::filesystem::copy_file(UKEY_TEST_DATA "/state/schema1.db", path);
    const SystemClock clock;
    auto storage = Storage::open(path, clock);
    ASSERT_TRUE(storage) << to_string(storage.error());
    EXPECT_EQ(storage->head_seq(), 11U);

    const auto sessions = list_sessions(
        *storage, {.month = {}, .key_id = {}, .organisation = {}, .open_only = false, .uid = {}});
    ASSERT_TRUE(sessions);
    ASSERT_EQ(sessions->size(), 1U);
    const LoginSession& session = sessions->front();
    EXPECT_EQ(session.login, "fa35cdf334324456633d59caa65c8d08");
    EXPECT_EQ(session.grade, EvidenceGrade::observed);
    EXPECT_EQ(session.uses, 1U);
    EXPECT_TRUE(session.attestation.empty());
    const auto key = load_key(*storage, session.key_id, nullptr);
    ASSERT_TRUE(key);
    EXPECT_FALSE(key->last_attestation);
    EXPECT_EQ(key->binding.organisation_code, "500102000001");

    LoginSession attested = session;
    attested.login = std::string(32, '0');
    attested.grade = EvidenceGrade::attested;
    attested.attestation = {{"public_key", key->binding.pinned_spki_sha256}, {"duration_us", 1234}};
    ASSERT_EQ(start_session(*storage, attested).value_or(false), true);
    EXPECT_EQ(attested.grade, EvidenceGrade::attested);
    EXPECT_EQ(load_key(*storage, session.key_id, nullptr)->last_attestation->duration.count(), 1234);

    // Any process can say that there is no signature, and how long that took.
    LoginSession unsigned_login = session;
    unsigned_login.login = std::string(32, '1');
    unsigned_login.attestation = {{"absent", "no_key"}, {"duration_us", 1'000'000'000}};
    ASSERT_EQ(start_session(*storage, unsigned_login).value_or(false), true);
    EXPECT_EQ(load_key(*storage, session.key_id, nullptr)->last_attestation->duration.count(), 1234);
}

TEST(Schema, DatabaseOfVersion2IsBroughtUpToDate) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "ukeyd.db").string();
    std::filesystem::copy_file(UKEY_TEST_DATA "/state/schema2.db", path);
    const SystemClock clock;
    auto storage = Storage::open(path, clock);
    ASSERT_TRUE(storage) << to_string(storage.error());
    EXPECT_EQ(storage->head_seq(), 10U);
    const auto sessions = list_sessions(
        *storage, {.month = {}, .key_id = {}, .organisation = {}, .open_only = false, .uid = {}});
    ASSERT_EQ(sessions->size(), 2U);
    EXPECT_EQ(sessions->front().grade, EvidenceGrade::attested);
    EXPECT_EQ(record_start(*storage, {}, [](TimeSpan) { return std::nullopt; }).value(), 1U)
        << "it was killed, with one session open";

    const WorkstationKey key = WorkstationKey::generate();
    EXPECT_EQ(records_since_checkpoint(*storage, key).value(), storage->head_seq());
    const SignedCheckpoint made = add_checkpoint(*storage, key).value();
    EXPECT_EQ(made.checkpoint.seq, storage->head_seq());
    EXPECT_EQ(made.checkpoint.head, storage->head_hash());
    EXPECT_TRUE(verify(made, key.public_key()));
    EXPECT_EQ(add_checkpoint(*storage, key)->signature, made.signature) << "signed already";
    EXPECT_EQ(records_since_checkpoint(*storage, key).value(), 0U);
    EXPECT_EQ(load_checkpoints(*storage, KeyHistory({}, key.public_key()), 0, 1000)->size(), 1U);
    EXPECT_EQ(load_checkpoints(*storage, KeyHistory({}, std::string(32, '0')), 0, 1000)->size(), 0U)
        << "another key's";
}

TEST(Schema, DatabaseOfVersion3IsBroughtUpToDate) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "ukeyd.db").string();
    std::filesystem::copy_file(UKEY_TEST_DATA "/state/schema3.db", path);
    const SystemClock clock;
    auto storage = Storage::open(path, clock);
    ASSERT_TRUE(storage) << to_string(storage.error());
    EXPECT_EQ(storage->head_seq(), 12U);
    const auto organisations = list_organisations(*storage, "");
    ASSERT_EQ(organisations->size(), 3U);
    for (const OrganisationEntry& entry : *organisations) {
        EXPECT_FALSE(entry.organisation.founded || entry.organisation.dissolved);
    }
    // A registry without the new dates is the one that it was.
    std::vector<RegistryRow> rows;
    for (const OrganisationEntry& entry : *organisations) {
        rows.push_back({rows.size() + 2, entry.organisation});
    }
    EXPECT_EQ(import_registry(*storage, "r.csv", rows, 0, false)->unchanged, 3U);

    rows.back().organisation.founded = ChinaDate{2013, 4, 1};
    rows.back().organisation.dissolved = ChinaDate{2014, 12, 31};
    EXPECT_EQ(import_registry(*storage, "r.csv", rows, 0, false)->changed, 1U);
    EXPECT_EQ(list_organisations(*storage, "")->back().organisation, rows.back().organisation);
}

/// No release wrote version 4: it is 3 with two columns and an index.
TEST(Schema, DatabaseOfVersion5IsBroughtUpToDate) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "ukeyd.db").string();
    std::filesystem::copy_file(UKEY_TEST_DATA "/state/schema5.db", path);
    const SystemClock clock;
    auto storage = Storage::open(path, clock);
    ASSERT_TRUE(storage) << to_string(storage.error());
    EXPECT_EQ(storage->head_seq(), 17U);
    EXPECT_EQ(archived_end(*storage)->seq, 0U);
    EXPECT_FALSE(storage->database().execute("DELETE FROM ledger WHERE seq = 1"));

    auto newest = storage->database().prepare("SELECT seq FROM checkpoint ORDER BY seq DESC LIMIT 1");
    ASSERT_TRUE(newest.step().value());
    const auto last = static_cast<std::uint64_t>(newest.integer(0));
    newest.reset(); // a table that is being read cannot be dropped
    const auto done = archive_step(*storage, {last, std::string(64, 'a'), 0});
    ASSERT_TRUE(done) << to_string(done.error());
    EXPECT_TRUE(*done);
    EXPECT_EQ(archived_end(*storage)->seq, last);
    auto rotation = storage->database().prepare("SELECT count(*) FROM archived_rotation");
    ASSERT_TRUE(rotation.step().value());
    EXPECT_EQ(rotation.integer(0), 1);
}

TEST(Schema, KeyOfDatabaseOfVersion6IsReturnedAndArchived) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "ukeyd.db").string();
    std::filesystem::copy_file(UKEY_TEST_DATA "/state/schema6.db", path);
    const SystemClock clock;
    auto storage = Storage::open(path, clock);
    ASSERT_TRUE(storage) << to_string(storage.error());
    EXPECT_EQ(storage->head_seq(), 15U);
    const auto keys = list_keys(*storage);
    ASSERT_TRUE(keys);
    ASSERT_EQ(keys->size(), 1U);
    ASSERT_TRUE(return_key(*storage, keys->front().key_id, 0));
    const auto done = archive_step(*storage, {storage->head_seq(), std::string(64, 'a'), 0});
    ASSERT_TRUE(done) << to_string(done.error());
    auto base = storage->database().prepare("SELECT returned FROM base_key");
    ASSERT_TRUE(base.step().value());
    EXPECT_EQ(base.integer(0), 1);
}

TEST(Schema, AttestedSessionOfAnotherOrganisationIsNotAttested) {
    const test::TemporaryFolder folder;
    const std::string path = (folder.path() / "ukeyd.db").string();
    std::filesystem::copy_file(UKEY_TEST_DATA "/state/schema1.db", path);
    const SystemClock clock;
    auto storage = Storage::open(path, clock).value();
    LoginSession session;
    session.login = std::string(32, '0');
    session.key_id = "73cf84ab0f1c";
    session.organisation = "500102000000"; // bound to another one since the question
    session.grade = EvidenceGrade::attested;
    session.attestation = {{"scheme", "ecdsa_sha256"}};
    ASSERT_EQ(start_session(storage, session).value_or(false), true);
    EXPECT_EQ(session.organisation, "500102000001");
    EXPECT_EQ(session.grade, EvidenceGrade::observed);
    EXPECT_EQ(session.attestation.at("refused"), "other_organisation");

    session.login = std::string(32, '1');
    session.grade = EvidenceGrade::attested;
    session.attestation = {{"public_key", std::string(64, '0')}};
    ASSERT_EQ(start_session(storage, session).value_or(false), true);
    EXPECT_EQ(session.grade, EvidenceGrade::observed);
    EXPECT_EQ(session.attestation.at("refused"), "rekeyed");
}

} // namespace
} // namespace ukey
