#include "files/zip.h"

#include <gtest/gtest.h>

#include "files/files.h"

namespace files {
namespace {

TEST(Zip, WhatIsWrittenIsRead) {
  const std::vector<ZipEntry> entries = {{"a.txt", std::string(10'000, 'x')}, {"d/b", ""}};
  const std::string archive = write_zip(entries);
  EXPECT_LT(archive.size(), 500u);
  EXPECT_EQ(archive, write_zip(entries));
  const auto read = read_zip(archive);
  ASSERT_TRUE(read.has_value()) << read.error().text();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].bytes, entries[0].bytes);
  EXPECT_EQ((*read)[1].name, "d/b");
}

TEST(Zip, ReadsWhatPythonWrote) {
  for (const char* name : {"stored", "deflated"}) {
    const auto bytes =
        read_file(std::string(CHARTER_SOURCE_DIR) + "/tests/corpus/zip_fuzz/" + name);
    ASSERT_TRUE(bytes.has_value());
    const auto read = read_zip(*bytes);
    ASSERT_TRUE(read.has_value()) << read.error().text();
    EXPECT_EQ(read->front().name, "a.txt");
    EXPECT_EQ(read->front().bytes.size(), 120u);
  }
}

TEST(Zip, DamageIsFound) {
  const std::string archive = write_zip({{"a.txt", "some text that is long enough"}});
  EXPECT_FALSE(read_zip("").has_value());
  EXPECT_FALSE(read_zip(archive.substr(1)).has_value());
  EXPECT_FALSE(read_zip(archive.substr(0, archive.size() - 1)).has_value());
  EXPECT_FALSE(read_zip(archive + "x").has_value());
  std::string changed = archive;
  changed[40] ^= 1;  // within the packed bytes
  EXPECT_FALSE(read_zip(changed).has_value());
  const auto climbing =
      read_file(std::string(CHARTER_SOURCE_DIR) + "/tests/corpus/zip_fuzz/climbs");
  EXPECT_EQ(read_zip(*climbing).error().reason, "ZIP_MALFORMED");
  EXPECT_EQ(read_zip(archive, {.bytes_max = 5}).error().code, base::Code::TooLarge);
}

}  // namespace
}  // namespace files
