// SPDX-License-Identifier: Apache-2.0
// Statements are kept from one use to the next: nothing of the use before may show.
#include <gtest/gtest.h>

#include "daemon/store/database.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

class StatementTest : public testing::Test {
  protected:
    const test::TemporaryFolder folder_;
    Database database_ = Database::open((folder_.path() / "test.db").string()).value();

    void SetUp() override {
        ASSERT_TRUE(
            database_.execute("CREATE TABLE item (a, b); INSERT INTO item VALUES (1, 'x'), (2, 'y')"));
    }
};

TEST_F(StatementTest, ValuesOfTheUseBeforeAreGone) {
    const std::string sql = "SELECT ?1, a FROM item WHERE a = coalesce(?2, 2)";
    {
        auto first = database_.prepare(sql);
        first.bind("secret").bind(std::int64_t{1});
        ASSERT_TRUE(first.step().value());
        EXPECT_EQ(first.integer(1), 1);
    }
    auto second = database_.prepare(sql);
    ASSERT_TRUE(second.step().value());
    EXPECT_TRUE(second.is_null(0));
    EXPECT_EQ(second.integer(1), 2);
}

TEST_F(StatementTest, OneInTheMiddleOfItsRowsIsNotSharedAndHoldsNothingUp) {
    const std::string sql = "SELECT a FROM item ORDER BY a";
    {
        auto outer = database_.prepare(sql);
        ASSERT_TRUE(outer.step().value());
        auto inner = database_.prepare(sql);
        ASSERT_TRUE(inner.step().value());
        ASSERT_TRUE(outer.step().value());
        EXPECT_EQ(outer.integer(0), 2);
        EXPECT_EQ(inner.integer(0), 1);
    }
    EXPECT_TRUE(database_.execute("VACUUM")) << "no reading is open any more";
    EXPECT_TRUE(
        database_.execute("DROP TABLE item; CREATE TABLE item (c, a); INSERT INTO item VALUES (8, 9)"));
    auto after = database_.prepare(sql);
    ASSERT_TRUE(after.step().value());
    EXPECT_EQ(after.integer(0), 9) << "of the table as it is now";
}

TEST_F(StatementTest, AFailedOneCanBeUsedAgain) {
    ASSERT_TRUE(database_.execute("CREATE UNIQUE INDEX one ON item (a)"));
    const std::string sql = "INSERT INTO item VALUES (?, 'z')";
    EXPECT_FALSE(database_.prepare(sql).bind(std::int64_t{1}).run());
    EXPECT_TRUE(database_.prepare(sql).bind(std::int64_t{3}).run());
}

TEST_F(StatementTest, MayOutliveItsDatabase) {
    std::optional<Statement> statement;
    {
        Database other = Database::open((folder_.path() / "other.db").string()).value();
        statement.emplace(other.prepare("SELECT 1"));
        ASSERT_TRUE(statement->step().value());
    }
    statement.reset();
}

} // namespace
} // namespace ukey
