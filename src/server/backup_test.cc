// Backups: taken from a folder in use, refused when a byte is changed, put back whole or not at
// all.
#include "server/backup.h"

#include <gtest/gtest.h>

#include "files/files.h"
#include "identity/identity.h"
#include "journal/ledger.h"

namespace server {
namespace {

class BackupTest : public testing::Test {
 protected:
  void SetUp() override {
    identity_ = identity::Identity::open(in("data/identity.db"), clock_).value();
    ledger_ = journal::Ledger::open(in("data/ledger.db"), clock_).value();
    const auto founding = identity_->found("Lab", "Ada").value();
    key_ = identity_->create_key(founding.owner.id, founding.project.id, "k")->secret;
    ASSERT_TRUE(files::write_atomic(in("data/charter/pin.json"), std::string_view("{}")));
    ASSERT_TRUE(files::write_atomic(in("data/blobs/ab/file-1"), std::string_view("")));
  }
  std::string in(const std::string& name) const {
    const std::string path = files::join(folder_.path(), name);
    EXPECT_TRUE(files::make_directories(files::parent(path)));
    return path;
  }
  void stop() {
    identity_.reset();
    ledger_.reset();
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("backup-test");
  const base::SystemClock clock_;
  std::unique_ptr<identity::Identity> identity_;
  std::unique_ptr<journal::Ledger> ledger_;
  base::Secret key_;
};

TEST_F(BackupTest, ItIsTakenFromAFolderInUseAndPutBack) {
  const auto made = back_up(in("data"), in("backup"), {}, clock_.now());
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->files.back().path, "ledger.db") << "the ledger comes last";
  EXPECT_FALSE(files::exists(in("backup/secrets.key")));
  for (int round = 0; round < 2; ++round) EXPECT_TRUE(verify_backup(in("backup")));
  EXPECT_EQ(back_up(in("data"), in("backup"), {}, clock_.now()).error().reason, "NOT_EMPTY");
  EXPECT_EQ(restore(in("backup"), in("data")).error().reason, "NOT_EMPTY");

  const auto key = files::read_file(in("data/secrets.key"));
  ASSERT_TRUE(files::write_atomic(in("new/secrets.key"), *key, 0600));
  ASSERT_TRUE(restore(in("backup"), in("new")));
  const auto restored = identity::Identity::open(in("new/identity.db"), clock_);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_TRUE((*restored)->authenticate_key(key_.reveal()));
  EXPECT_TRUE(files::exists(in("new/blobs/ab/file-1")));
}

TEST_F(BackupTest, AChangeIsNamedAndNothingIsMade) {
  ASSERT_TRUE(back_up(in("data"), in("backup"), {}, clock_.now()));
  const std::string pin = in("backup/charter/pin.json");
  const auto refused = [&] {
    const auto result = restore(in("backup"), in("new"));
    EXPECT_FALSE(result);
    EXPECT_FALSE(files::exists(in("new")));
    return result ? std::string() : result.error().where;
  };
  ASSERT_TRUE(files::write_atomic(pin, std::string_view("[]")));
  EXPECT_EQ(refused(), "charter/pin.json");
  ASSERT_TRUE(files::remove_file(pin));
  EXPECT_EQ(refused(), "charter/pin.json");
  ASSERT_TRUE(files::write_atomic(pin, std::string_view("{}")));
  ASSERT_TRUE(files::write_atomic(in("backup/extra"), std::string_view("x")));
  EXPECT_EQ(refused(), "extra");
  ASSERT_TRUE(files::remove_file(in("backup/extra")));
  ASSERT_TRUE(restore(in("backup"), in("new")));
}

TEST_F(BackupTest, AManifestCannotReachOutOfItsFolder) {
  for (const char* path : {"../x", "/etc/passwd", "a/../../x", "", "a//b", "./a", "secrets.key"}) {
    const std::string manifest =
        std::string(
            R"({"charter_backup":1,"version":"1","created":"2026-11-21T00:00:00Z","files":)") +
        R"([{"path":")" + path + R"(","bytes":0,"sha256":""}]})";
    ASSERT_TRUE(files::write_atomic(in("evil/backup.json"), manifest));
    EXPECT_FALSE(verify_backup(in("evil"))) << path;
  }
}

TEST_F(BackupTest, RollingBackKeepsWhatWasThere) {
  ASSERT_TRUE(back_up(in("data"), in("backup"), {false, false}, clock_.now()));
  const auto founding = identity_->founding();
  const auto late = identity_->create_key(founding->owner.id, founding->project.id, "late");
  stop();
  ASSERT_TRUE(roll_back(in("backup"), in("data"), in("aside")));
  EXPECT_TRUE(files::exists(in("aside/identity.db")));
  identity_ = identity::Identity::open(in("data/identity.db"), clock_).value();
  EXPECT_TRUE(identity_->authenticate_key(key_.reveal()));
  EXPECT_FALSE(identity_->authenticate_key(late->secret.reveal()));
  EXPECT_EQ(schema_versions(in("data"))->front().database, "identity.db");
}

}  // namespace
}  // namespace server
