#include "files/files.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace files {
namespace {

using base::Code;

class FilesTest : public testing::Test {
 protected:
  FilesTest() : folder_(*TemporaryDirectory::create("files-test")) {}
  std::string path(std::string_view name) const { return join(folder_.path(), name); }
  TemporaryDirectory folder_;
};

TEST_F(FilesTest, MapsAWholeFileAndKeepsItAfterReplacement) {
  ASSERT_TRUE(write_atomic(path("a"), "first"));
  const auto mapped = MappedFile::open(path("a"));
  ASSERT_TRUE(mapped) << mapped.error().text();
  ASSERT_TRUE(write_atomic(path("a"), "second, longer"));
  EXPECT_EQ(base::as_text((*mapped)->bytes()), "first");
  EXPECT_EQ(read_file(path("a")), "second, longer");
}

TEST_F(FilesTest, MapsAnEmptyFile) {
  ASSERT_TRUE(write_atomic(path("empty"), ""));
  const auto mapped = MappedFile::open(path("empty"));
  ASSERT_TRUE(mapped);
  EXPECT_TRUE((*mapped)->bytes().empty());
}

TEST_F(FilesTest, ErrorsNameTheFile) {
  const auto absent = MappedFile::open(path("absent"));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::NotFound);
  EXPECT_NE(absent.error().message.find("absent"), std::string::npos);
  const auto folder = read_file(folder_.path());
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().message.find("is a folder"), std::string::npos);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const auto pipe = MappedFile::open(path("pipe"));  // must not wait for a writer
  ASSERT_FALSE(pipe);
  EXPECT_NE(pipe.error().message.find("not a regular file"), std::string::npos);
}

TEST_F(FilesTest, ReadsNoMoreThanTheLimit) {
  ASSERT_TRUE(write_atomic(path("big"), std::string(1000, 'x')));
  const auto over = read_file(path("big"), 999);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::TooLarge);
  EXPECT_EQ(read_file(path("big"), 1000)->size(), 1000u);
  EXPECT_EQ(read_file("/proc/self/status", 8).error().code,
            Code::TooLarge);  // says 0 bytes, has more
}

TEST_F(FilesTest, WritesAtomicallyWithModeAndLeavesNothingBehind) {
  ASSERT_TRUE(write_atomic(path("key"), "secret", 0600));
  struct stat info{};
  ASSERT_EQ(::stat(path("key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_FALSE(write_atomic(path("no/such/folder"), "x"));
  ASSERT_TRUE(make_directories(path("target")));
  EXPECT_FALSE(write_atomic(path("target"), "x"));  // a folder is in the way
  EXPECT_EQ(*list_files(folder_.path()), std::vector<std::string>{"key"});
}

TEST_F(FilesTest, AnAtomicFileAppearsOnlyWhenCommitted) {
  {
    auto dropped = AtomicFile::create(path("a"));
    ASSERT_TRUE(dropped);
    ASSERT_TRUE(dropped->append(base::as_bytes("half")));
  }
  EXPECT_TRUE(list_files(folder_.path())->empty());
  auto file = AtomicFile::create(path("a"));
  ASSERT_TRUE(file->append(base::as_bytes("one ")));
  EXPECT_FALSE(exists(path("a")));
  ASSERT_TRUE(file->append(base::as_bytes("two")));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read_file(path("a")), "one two");
}

TEST_F(FilesTest, AFullDiskLeavesTheOldFile) {
  const std::string disk = path("disk");
  ASSERT_TRUE(make_directories(disk));
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "cannot mount a small disk here (needs root)";
  }
  const std::string file = join(disk, "state");
  const std::string log = join(disk, "log");
  base::Status first = write_atomic(file, "old");
  base::Status second = write_atomic(file, std::string(1 << 20, 'x'));
  const auto kept = read_file(file);
  const auto left = list_files(disk);
  auto append = AppendFile::open(log);
  base::Status appended = append->append("a line\n");
  base::Status too_much = append->append(std::string(1 << 20, 'x'));
  const auto log_kept = read_file(log);
  append = base::fail(Code::Cancelled, "closed");
  ::umount(disk.c_str());
  EXPECT_TRUE(first);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Unavailable);
  EXPECT_EQ(second.error().reason, "DISK_FULL");
  EXPECT_NE(second.error().message.find("free space"), std::string::npos);
  EXPECT_EQ(kept, "old");
  EXPECT_EQ(*left, std::vector<std::string>{"state"});
  EXPECT_TRUE(appended);
  ASSERT_FALSE(too_much);
  EXPECT_EQ(too_much.error().reason, "DISK_FULL");
  EXPECT_EQ(log_kept, "a line\n");
}

TEST_F(FilesTest, AppendsAcrossOpensAndTruncates) {
  {
    auto file = AppendFile::open(path("log"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->append("one\n"));
    ASSERT_TRUE(file->sync());
  }
  auto file = AppendFile::open(path("log"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 4u);
  ASSERT_TRUE(file->append("two\n"));
  EXPECT_EQ(read_file(path("log")), "one\ntwo\n");
  ASSERT_TRUE(file->truncate(4));
  ASSERT_TRUE(file->append("three\n"));
  EXPECT_EQ(read_file(path("log")), "one\nthree\n");
}

TEST_F(FilesTest, OneProcessHoldsALock) {
  {
    const auto held = LockFile::acquire(path("lock"));
    ASSERT_TRUE(held);
    const auto second = LockFile::acquire(path("lock"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::Unavailable);
    EXPECT_EQ(second.error().reason, "LOCKED");
  }
  EXPECT_TRUE(LockFile::acquire(path("lock")));
}

TEST_F(FilesTest, ListsFoldersSortedAndRecursive) {
  ASSERT_TRUE(make_directories(path("b/c")));
  ASSERT_TRUE(make_directories(path("b/c")));  // again is fine
  ASSERT_TRUE(write_atomic(path("z"), "1"));
  ASSERT_TRUE(write_atomic(path("a"), "1"));
  ASSERT_TRUE(write_atomic(path("b/c/d"), "1"));
  EXPECT_EQ(*list_files(folder_.path()), (std::vector<std::string>{"a", "z"}));
  EXPECT_EQ(*list_directories(folder_.path()), (std::vector<std::string>{"b"}));
  EXPECT_EQ(*list_files_recursive(folder_.path()), (std::vector<std::string>{"a", "b/c/d", "z"}));
  ASSERT_TRUE(remove_directory(path("b")));
  EXPECT_FALSE(exists(path("b")));
  EXPECT_EQ(list_files(path("b")).error().code, Code::NotFound);
  EXPECT_TRUE(remove_file(path("b")));
  EXPECT_FALSE(make_directories(path("a/below")));  // a is a file
}

TEST(Paths, JoinParentBaseName) {
  EXPECT_EQ(join("a", "b"), "a/b");
  EXPECT_EQ(join("a/", "b"), "a/b");
  EXPECT_EQ(join("", "b"), "b");
  EXPECT_EQ(parent("a/b"), "a");
  EXPECT_EQ(parent("a/b/"), "a");
  EXPECT_EQ(parent("/b"), "/");
  EXPECT_EQ(parent("b"), ".");
  EXPECT_EQ(base_name("a/b/"), "b");
  EXPECT_EQ(base_name("b"), "b");
}

}  // namespace
}  // namespace files
