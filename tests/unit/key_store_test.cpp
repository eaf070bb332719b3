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

} // namespace
} // namespace ukey
