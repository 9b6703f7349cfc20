#include "pipeline/store/database.h"

#include "tests/support/testing.h"

#include <gtest/gtest.h>

namespace hecate::store {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> open() {
    auto database = Database::open(folder / "test.db", Database::Mode::read_write);
    EXPECT_TRUE(database) << database.error().message;
    return *std::move(database);
  }
  hecate::testing::TemporaryFolder folder;
};

TEST_F(DatabaseTest, ValuesReadBack) {
  auto database = open();
  ASSERT_TRUE(database->execute("CREATE TABLE t(a, b, c, d, e)"));
  auto insert = *database->prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?)");
  ASSERT_TRUE(
      insert->bind(1, INT64_MIN).bind(2, 0.5).bind_text(3, "tëxt").bind_blob(4, {}).bind_null(5).run());
  auto select = *database->prepare("SELECT * FROM t");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), INT64_MIN);
  EXPECT_EQ(select->real(1), 0.5);
  EXPECT_EQ(select->text(2), "tëxt");
  EXPECT_EQ(select->blob(3), "");
  EXPECT_FALSE(select->is_null(3));
  EXPECT_TRUE(select->is_null(4));
  EXPECT_FALSE(*select->step());
}

TEST_F(DatabaseTest, APreparedStatementForgetsItsBindings) {
  auto database = open();
  (*database->prepare("SELECT ?"))->bind_text(1, "old");
  auto again = *database->prepare("SELECT ?");
  ASSERT_TRUE(*again->step());
  EXPECT_TRUE(again->is_null(0));
}

TEST_F(DatabaseTest, StepsOfTheSchemaRunOnceAndAllOrNone) {
  constexpr const char* kOne[] = {"CREATE TABLE one(a)"};
  constexpr const char* kTwo[] = {"CREATE TABLE one(a)", "CREATE TABLE two(a); INSERT INTO two VALUES (1)"};
  constexpr const char* kBroken[] = {kTwo[0], kTwo[1], "CREATE TABLE three(a)", "not SQL"};
  ASSERT_TRUE(open()->migrate("part", kOne));
  ASSERT_TRUE(open()->migrate("part", kTwo));
  ASSERT_TRUE(open()->migrate("part", kTwo));
  EXPECT_FALSE(open()->migrate("part", kBroken));
  auto database = open();
  ASSERT_TRUE(database->migrate("part", kTwo));
  EXPECT_FALSE(database->execute("INSERT INTO three VALUES (1)"));
  auto older = database->migrate("part", kOne);
  ASSERT_FALSE(older);
  EXPECT_NE(older.error().message.find("version 2, this hecate knows versions up to 1"), std::string::npos);
  auto rows = *database->prepare("SELECT count(*) FROM two");
  ASSERT_TRUE(*rows->step());
  EXPECT_EQ(rows->integer(0), 1);
}

TEST_F(DatabaseTest, ATransactionThatWasNotCommittedLeavesNothing) {
  auto database = open();
  ASSERT_TRUE(database->execute("CREATE TABLE t(a)"));
  {
    auto transaction = Transaction::begin(*database, Transaction::Kind::write);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database->execute("INSERT INTO t VALUES (1)"));
  }
  auto rows = *database->prepare("SELECT * FROM t");
  EXPECT_FALSE(*rows->step());
}

TEST_F(DatabaseTest, AReaderDoesNotWrite) {
  auto database = open();
  ASSERT_TRUE(database->execute("CREATE TABLE t(a)"));
  auto reader = Database::open(folder / "test.db", Database::Mode::read_only);
  ASSERT_TRUE(reader) << reader.error().message;
  auto refused = (*reader)->execute("INSERT INTO t VALUES (1)");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("test.db"), std::string::npos);
}

TEST_F(DatabaseTest, AMissingFileIsNotMadeByAReader) {
  auto reader = Database::open(folder / "absent.db", Database::Mode::read_only);
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().message.find("check that the folder exists"), std::string::npos)
      << reader.error().message;
}

}  // namespace
}  // namespace hecate::store
