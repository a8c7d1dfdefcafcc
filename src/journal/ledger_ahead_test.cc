// The write-ahead files: what was acknowledged is found again, what a power failure cut off is left
// out, and what was damaged is noticed.
#include "journal/ledger_ahead.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "files/files.h"
#include "journal/ledger_entry.h"

namespace journal {
namespace {

class AheadTest : public testing::Test {
 protected:
  AheadFiles open() {
    auto ahead = AheadFiles::open(path_);
    EXPECT_TRUE(ahead) << ahead.error().text();
    return std::move(*ahead);
  }
  Group next_group(int64_t count, size_t bytes = 40) {
    Group group{.first_seq = seq_ + 1, .count = 0, .previous = digest_, .bytes = {}};
    for (int64_t i = 0; i < count; ++i) {
      Entry entry;
      entry.seq = ++seq_;
      entry.name = std::string(bytes, 'x');
      std::string encoded;
      append_encoded(entry, &encoded);
      digest_ = entry_digest(digest_, encoded);
      append_record(encoded, digest_, &group);
    }
    return group;
  }
  void append(AheadFiles* ahead, int64_t count, size_t bytes = 40) {
    const auto status = ahead->append(next_group(count, bytes));
    ASSERT_TRUE(status) << status.error().text();
  }
  // Overwrites one byte of a file.
  void spoil(const std::string& file, uint64_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(stream.get() ^ 0x55);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
  }
  std::string file(int index) const { return path_ + ".ahead" + std::to_string(index); }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("ahead-test");
  const std::string path_ = files::join(folder_.path(), "ledger.db");
  int64_t seq_ = 0;
  crypto::Digest digest_{};
};

TEST_F(AheadTest, GroupsAreFoundAgainInOrder) {
  {
    AheadFiles ahead = open();
    ASSERT_TRUE(ahead.recover(1)->empty());
    for (int i = 1; i <= 20; ++i) append(&ahead, i);
  }
  const auto records = open().recover(1);
  ASSERT_TRUE(records) << records.error().text();
  ASSERT_EQ(records->size(), 210u);
  EXPECT_EQ(records->back().digest, digest_);
  EXPECT_EQ(decode_entry((*records)[99].encoded)->seq, 100);
  EXPECT_EQ(open().recover(200)->size(), 11u);
  EXPECT_TRUE(open().recover(211)->empty());
}

// Spoiled anywhere in the last group, what went before is left; in an earlier one, it is noticed.
TEST_F(AheadTest, OnlyTheLastGroupMayBeCutOff) {
  constexpr uint64_t kHeadBytes = 80, kFileHeadBytes = 16;
  uint64_t bytes = 0;
  {
    AheadFiles ahead = open();
    for (int i = 0; i < 2; ++i) {
      const Group group = next_group(3);
      ASSERT_TRUE(ahead.append(group));
      bytes = kHeadBytes + group.bytes.size();
    }
  }
  const std::string whole = files::read_file(file(0)).value();
  const uint64_t second = kFileHeadBytes + (bytes + 7) / 8 * 8;
  for (uint64_t at = 0; at < bytes; at += 37) {
    ASSERT_TRUE(files::write_atomic(file(0), whole));
    spoil(file(0), kFileHeadBytes + at);
    const auto noticed = open().recover(1);
    ASSERT_FALSE(noticed) << "byte " << at;
    EXPECT_EQ(noticed.error().reason, "LEDGER_DAMAGED");

    ASSERT_TRUE(files::write_atomic(file(0), whole));
    spoil(file(0), second + at);
    const auto cut = open().recover(1);
    ASSERT_TRUE(cut) << "byte " << at << ": " << cut.error().text();
    EXPECT_GE(cut->size(), 3u);
    EXPECT_LT(cut->size(), 6u);
  }
}

TEST_F(AheadTest, FilesTakeTurnsAndAreUsedAnew) {
  AheadFiles ahead = open();
  for (int i = 0; i < 60; ++i) {
    append(&ahead, 400, 1000);
    if (i % 5 == 4) ahead.safe_through(seq_ - 400);
    const auto records = open().recover(seq_ - 399);
    ASSERT_TRUE(records) << records.error().text();
    EXPECT_EQ(records->size(), 400u);
  }
  EXPECT_LE(std::filesystem::file_size(file(0)), 16u << 20);
  EXPECT_LE(std::filesystem::file_size(file(1)), 16u << 20);
}

TEST_F(AheadTest, AGroupThatIsWrittenAgainIsThereOnce) {
  {
    AheadFiles ahead = open();
    append(&ahead, 2);
    // As after a refusal of the disk: the same entries, and more behind them.
    Group group = next_group(2);
    const Group more = next_group(1);
    ASSERT_TRUE(ahead.append(group));
    group.bytes += more.bytes;
    group.count += 1;
    ASSERT_TRUE(ahead.append(group));
  }
  EXPECT_EQ(open().recover(1)->size(), 5u);
}

TEST_F(AheadTest, NoiseIsNoFile) {
  base::Rng rng(3);
  for (int round = 0; round < 50; ++round) {
    std::string noise(rng.below(5000), '\0');
    for (char& c : noise) c = static_cast<char>(rng.below(256));
    if (round % 2 == 0 && noise.size() > 8) noise.replace(0, 8, "chahead1");
    ASSERT_TRUE(files::write_atomic(file(0), noise));
    EXPECT_TRUE(open().recover(1)->empty());
  }
}

}  // namespace
}  // namespace journal
