// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/month_store.hpp"

#include <gtest/gtest.h>

#include "daemon/store/binding_history.hpp"
#include "daemon/store/key_store.hpp"
#include "daemon/store/registry_store.hpp"
#include "daemon/store/session_store.hpp"
#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

constexpr ChinaMonth april{2026, 4};

/// Noon of a day of April in China; days outside it are those of the months beside it.
Timestamp noon(int day) {
    return april.begin() + std::chrono::days(day - 1) + std::chrono::hours(12);
}

class MonthStore : public ::testing::Test {
  protected:
    void SetUp() override {
        clock_.time = noon(-100);
        import({{"1", { "区委" }}, {"2", { "区委", "甲支部" }}, { "3", { "区委", "乙支部" } }});
    }

    void import(const std::vector<std::pair<std::string, std::vector<std::string>>>& organisations) {
        std::vector<RegistryRow> rows;
        for (const auto& [code, path] : organisations) {
            rows.push_back({rows.size() + 2, {}});
            rows.back().organisation.code = code;
            rows.back().organisation.path = path;
        }
        ASSERT_TRUE(import_registry(storage_, "r.csv", rows, 0, false));
    }

    std::string insert(char serial) {
        return record_insertion(storage_, {.identity = {"Feitian", "ePass", std::string(8, serial)},
                                           .label = {},
                                           .module = "module.so",
                                           .slot_description = {},
                                           .certificate = {},
                                           .present_key_ids = {}})
            ->key_id;
    }

    void bind(const std::string& key_id, const std::string& code, int day, char public_key) {
        clock_.time = noon(day);
        CertificateFacts certificate;
        certificate.organisation_name = find_organisation(storage_, code)->organisation.name();
        certificate.spki_sha256 = std::string(64, public_key);
        const auto refused = bind_key(storage_, {.key_id = key_id,
                                                 .organisation = code,
                                                 .certificate = certificate,
                                                 .one_key_per_organisation = false,
                                                 .uid = 0});
        ASSERT_TRUE(refused) << to_string(refused.error());
        ASSERT_FALSE(*refused) << (*refused)->code;
    }

    void release(const std::string& key_id, int day) {
        clock_.time = noon(day);
        ASSERT_TRUE(release_key(storage_, key_id, 0));
    }

    void log_in(const std::string& key_id, Timestamp started, char login, std::uint64_t uses = 1) {
        clock_.time = started;
        LoginSession session;
        session.login = std::string(32, login);
        session.key_id = key_id;
        session.started = started;
        session.uses = uses;
        ASSERT_TRUE(start_session(storage_, session));
    }

    /// Of the organisations in the order of their paths: 区委, 乙支部, 甲支部.
    std::vector<OrganisationFacts> organisations() {
        auto facts = read_month(storage_, april, CriterionRule::built_in());
        EXPECT_TRUE(facts) << to_string(facts.error());
        return std::move(facts->organisations);
    }

    test::TemporaryFolder folder_;
    test::SetClock clock_;
    Storage storage_ = Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value();
};

TEST_F(MonthStore, AnOrganisationThatNeverHadAKeyHadNoneTheWholeMonth) {
    const auto facts = organisations();
    ASSERT_EQ(facts.size(), 3U);
    EXPECT_EQ(facts[0].organisation.name(), "区委");
    EXPECT_EQ(facts[0].keys, 0U);
    ASSERT_EQ(facts[0].without_key.size(), 1U);
    EXPECT_EQ(facts[0].without_key[0].from, april.begin());
    EXPECT_EQ(facts[0].without_key[0].to, april.end());
}

TEST_F(MonthStore, AKeyThatIsReplacedInMidMonthLeavesTheTimeBetween) {
    const std::string old_key = insert('a');
    const std::string new_key = insert('b');
    bind(old_key, "2", -20, '1');
    release(old_key, 10);
    bind(new_key, "2", 15, '2');
    bind(old_key, "3", 20, '3');
    bind(old_key, "3", 25, '4'); // renewed
    release(new_key, 35);        // after the month
    const auto facts = organisations();
    const OrganisationFacts& second = facts[2];
    EXPECT_EQ(second.keys, 1U) << "at the month's end";
    ASSERT_EQ(second.without_key.size(), 1U);
    EXPECT_EQ(second.without_key[0].from, noon(10));
    EXPECT_EQ(second.without_key[0].to, noon(15));
    const OrganisationFacts& third = facts[1];
    EXPECT_EQ(third.keys, 1U);
    ASSERT_EQ(third.without_key.size(), 1U);
    EXPECT_EQ(third.without_key[0].to, noon(20));
}

TEST_F(MonthStore, ABindingOfLaterIsNoneYet) {
    bind(insert('a'), "2", 31, '1');
    const auto facts = organisations();
    EXPECT_EQ(facts[2].keys, 0U);
    EXPECT_EQ(facts[2].without_key.front().to, april.end());
}

TEST_F(MonthStore, ALoginCountsInTheMonthInWhichItBegan) {
    const std::string key = insert('a');
    bind(key, "2", -20, '1');
    log_in(key, april.begin() - std::chrono::microseconds(1), '1');
    log_in(key, april.begin(), '2');
    log_in(key, noon(5), '3', 0); // did nothing with the key
    log_in(key, april.end() - std::chrono::microseconds(1), '4');
    log_in(key, april.end(), '5');
    const auto facts = organisations();
    ASSERT_EQ(facts[2].sessions.size(), 2U);
    EXPECT_EQ(facts[2].sessions[0].login, std::string(32, '2'));
    EXPECT_EQ(facts[2].sessions[0].key_id, key);
    EXPECT_EQ(facts[2].sessions[1].login, std::string(32, '4'));
    EXPECT_TRUE(facts[0].sessions.empty());
}

TEST_F(MonthStore, OrganisationsAreThoseOfTheMonthsEnd) {
    std::vector<RegistryRow> rows(2);
    rows[0].organisation = find_organisation(storage_, "2")->organisation;
    rows[0].organisation.dissolved = ChinaDate{2026, 4, 30};
    rows[1].organisation = find_organisation(storage_, "3")->organisation;
    rows[1].organisation.founded = ChinaDate{2026, 4, 30};
    const auto before = read_month(storage_, april, CriterionRule::built_in());
    ASSERT_TRUE(import_registry(storage_, "r.csv", rows, 0, false));
    const auto after = read_month(storage_, april, CriterionRule::built_in());
    ASSERT_EQ(after->organisations.size(), 2U);
    EXPECT_EQ(after->organisations[1].organisation.code, "3");
    EXPECT_EQ(read_month(storage_, {2026, 3}, CriterionRule::built_in())->organisations.size(), 2U);
    EXPECT_NE(before->registry_sha256, after->registry_sha256);
}

TEST_F(MonthStore, SaysHowFarItsLedgerGoes) {
    clock_.time = noon(10);
    ASSERT_TRUE(storage_.write([&] { return storage_.append("daemon.started", {}); }));
    const auto in_month = read_month(storage_, april, CriterionRule::built_in());
    ASSERT_EQ(in_month->ledgers.size(), 1U);
    EXPECT_EQ(in_month->ledgers[0].first_seq, 1U);
    EXPECT_EQ(in_month->ledgers[0].last_seq, 2U);
    EXPECT_EQ(in_month->ledgers[0].vouched_until, noon(10));
    EXPECT_FALSE(in_month->ledgers[0].complete_month);
    clock_.time = noon(31);
    ASSERT_TRUE(storage_.write([&] { return storage_.append("daemon.stopped", {}); }));
    EXPECT_TRUE(read_month(storage_, april, CriterionRule::built_in())->ledgers[0].complete_month);
    EXPECT_FALSE(read_month(storage_, {2025, 12}, CriterionRule::built_in())->ledgers[0].complete_month)
        << "it begins in that month";
}

TEST_F(MonthStore, BindingsThatTheLedgerHasNoLongerAreStillThere) {
    const std::string released = insert('a');
    const std::string bound = insert('b');
    bind(released, "2", -20, '1');
    bind(bound, "3", 10, '2');
    ASSERT_TRUE(storage_.database().execute("DROP TRIGGER ledger_no_delete; DELETE FROM ledger"));
    release(released, 15);
    const auto facts = organisations();
    EXPECT_EQ(facts[2].keys, 0U);
    ASSERT_EQ(facts[2].without_key.size(), 1U);
    EXPECT_EQ(facts[2].without_key[0].from, noon(15)) << "before its release it was bound";
    EXPECT_EQ(facts[1].keys, 1U);
    EXPECT_EQ(facts[1].without_key[0].to, noon(10)) << "as the table says";
}

} // namespace
} // namespace ukey
