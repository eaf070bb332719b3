// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/key_store.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

TEST(KeyStore, TokensOfOneSerialThatCannotBeReadAreAsManyKeysAsAreIn) {
    const test::TemporaryFolder folder;
    const SystemClock clock;
    Storage storage = Storage::open((folder.path() / "ukeyd.db").string(), clock).value();
    Insertion insertion{.identity = {"Feitian", "ePass", "0001"},
                        .label = {},
                        .module = "module.so",
                        .slot_description = {},
                        .certificate = {},
                        .present_key_ids = {}};
    for (std::size_t number = 0; number < 3; ++number) {
        const auto key = record_insertion(storage, insertion);
        ASSERT_TRUE(key) << to_string(key.error());
        EXPECT_TRUE(insertion.present_key_ids.insert(key->key_id).second) << "one that is in already";
    }
    insertion.present_key_ids.erase(insertion.present_key_ids.begin());
    ASSERT_TRUE(record_insertion(storage, insertion));
    EXPECT_EQ(list_keys(storage)->size(), 3U) << "one was pulled out and is back";
}

CertificateFacts certificate_with(std::string spki) {
    CertificateFacts facts;
    facts.der = "certificate of " + spki;
    facts.spki_sha256 = std::move(spki);
    return facts;
}

/// A vendor may put a new key pair and certificate on the token that came back.
TEST(KeyStore, ReturnedTokenWithANewKeyPairIsAnotherKey) {
    const test::TemporaryFolder folder;
    const SystemClock clock;
    auto storage = Storage::open((folder.path() / "ukeyd.db").string(), clock).value();
    Insertion insertion{.identity = {"Feitian", "ePass", "serial"},
                        .label = {},
                        .module = "/usr/lib/module.so",
                        .slot_description = {},
                        .certificate = certificate_with("old"),
                        .present_key_ids = {}};
    const std::string old_key = record_insertion(storage, insertion)->key_id;
    insertion.certificate = certificate_with("renewed");
    EXPECT_EQ(record_insertion(storage, insertion)->key_id, old_key) << "a renewal";
    ASSERT_TRUE(return_key(storage, old_key, 0));
    EXPECT_EQ(record_insertion(storage, insertion)->key_id, old_key);
    insertion.certificate.reset();
    EXPECT_EQ(record_insertion(storage, insertion)->key_id, old_key) << "nothing tells it from the old one";
    insertion.certificate = certificate_with("of the vendor");
    const auto again = record_insertion(storage, insertion);
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_NE(again->key_id, old_key);
    EXPECT_FALSE(again->returned);
    EXPECT_EQ(return_key(storage, old_key, 0).error().code, "key.returned");
}

} // namespace
} // namespace ukey
