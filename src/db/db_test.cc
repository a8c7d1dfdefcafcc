#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "db/database.h"
#include "db/writer.h"
#include "files/files.h"

namespace db {
namespace {

using base::Code;

class DbTest : public testing::Test {
 protected:
  std::string path(const std::string& name = "test.db") const { return (dir_ / name).string(); }

  Database open(Sync sync = Sync::Normal) {
    auto database = Database::open(path(), {.sync = sync});
    EXPECT_TRUE(database) << database.error().text();
    return std::move(*database);
  }
  static int64_t count(Database& database, std::string_view table) {
    auto rows = database.query("SELECT count(*) FROM " + std::string(table));
    EXPECT_TRUE(rows && *rows->step());
    return rows->integer(0);
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("db-test");
  const std::filesystem::path dir_ = folder_.path();
};

TEST_F(DbTest, ValuesComeBackAsTheyWent) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t(i INTEGER, s TEXT, b BLOB, n TEXT) STRICT"));
  const std::string text("a\0b智", 6);
  const base::Bytes bytes{0, 255, 7};
  ASSERT_TRUE(database.run("INSERT INTO t VALUES(?,?,?,?)", INT64_MIN, text, base::ByteSpan(bytes),
                           std::optional<std::string>{}));
  ASSERT_TRUE(
      database.run("INSERT INTO t VALUES(?,?,?,?)", 1, "", base::ByteSpan{}, std::string_view{}));
  auto rows = database.query("SELECT * FROM t ORDER BY i");
  ASSERT_TRUE(rows && *rows->step());
  EXPECT_EQ(rows->integer(0), INT64_MIN);
  EXPECT_EQ(rows->text(1), text);
  EXPECT_EQ(rows->bytes(2), bytes);
  EXPECT_TRUE(rows->is_null(3));
  ASSERT_TRUE(*rows->step());
  EXPECT_FALSE(rows->is_null(2));
  EXPECT_FALSE(rows->is_null(3));
  EXPECT_FALSE(*rows->step());
}

TEST_F(DbTest, OneReadWriteConnectionAtATime) {
  Database first = open();
  const auto second = Database::open(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Unavailable);
  EXPECT_EQ(second.error().reason, "DATABASE_LOCKED");
  EXPECT_NE(second.error().message.find(std::to_string(getpid())), std::string::npos);
  ASSERT_TRUE(first.execute("CREATE TABLE t(i)"));
  auto reader = Database::open_readonly(path());
  ASSERT_TRUE(reader);
  EXPECT_EQ(count(*reader, "t"), 0);
  EXPECT_FALSE(reader->run("INSERT INTO t VALUES(1)"));
}

TEST_F(DbTest, FileIsPrivateToItsOwner) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t(i)"));
  struct stat info = {};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0077, 0u);
  ASSERT_EQ(stat((path() + "-wal").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0077, 0u);
}

TEST_F(DbTest, StrictSqlOnly) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t(i)"));
  EXPECT_FALSE(
      database.prepare("SELECT * FROM t WHERE i = \"text\""));  // double quotes name a column
  ASSERT_TRUE(database.execute(
      "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id))"));
  const auto orphan = database.run("INSERT INTO c VALUES(7)");
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().code, Code::AlreadyExists);
  EXPECT_EQ(orphan.error().reason, "CONSTRAINT");
}

TEST_F(DbTest, MigratesStepByStepAndRefusesTheFuture) {
  const std::string_view one[] = {"CREATE TABLE a(i)"};
  const std::string_view two[] = {"CREATE TABLE a(i)",
                                  "CREATE TABLE b(i); INSERT INTO b VALUES(1)"};
  const std::string_view broken[] = {"CREATE TABLE a(i)",
                                     "CREATE TABLE b(i); INSERT INTO missing VALUES(1)"};
  {
    Database database = open();
    ASSERT_TRUE(database.migrate(one));
    ASSERT_FALSE(database.migrate(broken));
    EXPECT_FALSE(database.prepare("SELECT * FROM b")) << "half a step must leave nothing";
    ASSERT_TRUE(database.migrate(two));
    ASSERT_TRUE(database.migrate(two));
    EXPECT_EQ(count(database, "b"), 1);
    const auto refused = database.migrate(one);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "SCHEMA_TOO_NEW");
    EXPECT_EQ(refused.error().where, path());
  }
}

TEST_F(DbTest, DamagedAndMissingFilesAreNamed) {
  std::ofstream(path()) << std::string(8192, 'x');
  const auto damaged = Database::open(path());
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, Code::Corrupt);
  EXPECT_EQ(damaged.error().where, path());
  const auto missing = Database::open_readonly(path("none.db"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::NotFound);
  const auto no_folder = Database::open((dir_ / "no" / "such.db").string());
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().code, Code::Unavailable);
}

TEST_F(DbTest, WriterGroupsJobsAndUndoesOnlyTheFailed) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t(i INTEGER PRIMARY KEY)"));
  Writer writer(std::move(database));
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  constexpr int kJobs = 400;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kJobs; ++i) {
          const int value = t * kJobs + i;
          writer.submit(
              [value](Database& d) -> base::Status {
                TRY_VOID(d.run("INSERT INTO t VALUES(?)", value));
                if (value % 5 == 0) return base::fail(Code::InvalidArgument, "refused");
                return {};
              },
              [&](const base::Status& status) { ++(status ? good : bad); });
        }
      });
    }
  }
  writer.drain();
  EXPECT_EQ(good + bad, 4 * kJobs);
  EXPECT_EQ(bad, 4 * kJobs / 5);
  EXPECT_LT(writer.stats().groups, 4 * kJobs);
  ReadPool pool(path());
  ASSERT_TRUE(pool.read([&](Database& d) -> base::Status {
    EXPECT_EQ(count(d, "t"), good);
    return {};
  }));
}

TEST_F(DbTest, WriterAnswersOnlyAfterTheCommit) {
  Database database = open(Sync::Full);
  ASSERT_TRUE(database.execute("CREATE TABLE t(i INTEGER PRIMARY KEY)"));
  Writer writer(std::move(database));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(writer.run([i](Database& d) { return d.run("INSERT INTO t VALUES(?)", i); }));
    auto reader = Database::open_readonly(path());
    ASSERT_TRUE(reader);
    EXPECT_EQ(count(*reader, "t"), i + 1);
  }
  const auto twice = writer.run([](Database& d) { return d.run("INSERT INTO t VALUES(3)"); });
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::AlreadyExists);
}

TEST_F(DbTest, FullDiskRefusesThenRecovers) {
  Database database = open(Sync::Full);
  ASSERT_TRUE(database.execute("CREATE TABLE t(i INTEGER PRIMARY KEY, s BLOB)"));
  Writer writer(std::move(database));
  const auto insert = [&](int i) {
    return writer.run(
        [i](Database& d) { return d.run("INSERT INTO t VALUES(?, zeroblob(100000))", i); });
  };
  ASSERT_TRUE(insert(1));
  signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = std::filesystem::file_size(path() + "-wal") + 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto refused = insert(2);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Unavailable);
  EXPECT_EQ(refused.error().reason, "STORAGE_UNAVAILABLE");
  EXPECT_TRUE(insert(2)) << "the disk takes writes again";
  auto reader = Database::open_readonly(path());
  ASSERT_TRUE(reader);
  EXPECT_EQ(count(*reader, "t"), 2);
}

TEST_F(DbTest, ReadPoolServesManyThreadsAndSeesOneMoment) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t(i INTEGER); INSERT INTO t VALUES(0)"));
  Writer writer(std::move(database));
  ReadPool pool(path(), 2);
  std::vector<std::jthread> threads;
  std::atomic<int> torn{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto status = pool.read([&](Database& d) -> base::Status {
          const int64_t before = count(d, "t");
          std::this_thread::yield();
          torn += count(d, "t") == before ? 0 : 1;
          return {};
        });
        EXPECT_TRUE(status);
      }
    });
  }
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(writer.run([](Database& d) { return d.run("INSERT INTO t VALUES(1)"); }));
  threads.clear();
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace db
