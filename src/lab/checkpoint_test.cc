#include "lab/checkpoint.h"

#include <gtest/gtest.h>

#include "files/files.h"

namespace lab {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  void save(int64_t step, float value) {
    const std::vector<float> weights = {value, 2, 3}, moments = {4, value};
    ASSERT_TRUE(save_checkpoint(folder(), {step, json::Object{{"at", step}}, {weights, moments}}));
  }
  std::string path(const char* name) const { return files::join(folder(), name); }
  const std::string& folder() const { return directory_.path(); }

  files::TemporaryDirectory directory_ = *files::TemporaryDirectory::create();
};

TEST_F(CheckpointTest, ComesBackWhole) {
  save(7, 1.5F);
  const auto found = find_checkpoint(folder());
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->checkpoint.step, 7);
  EXPECT_EQ(found->checkpoint.state["at"].as_int(), 7);
  EXPECT_EQ(found->checkpoint.arrays, (std::vector<std::vector<float>>{{1.5F, 2, 3}, {4, 1.5F}}));
  EXPECT_TRUE(found->refused.empty());
}

TEST_F(CheckpointTest, TheTwoNewestAreKept) {
  for (int64_t step = 1; step <= 4; ++step) save(step, 0);
  EXPECT_EQ(*files::list_files(folder()),
            (std::vector<std::string>{"step-00000003.ckpt", "step-00000004.ckpt"}));
}

TEST_F(CheckpointTest, OneCutAnywhereIsRefusedByNameAndTheOneBeforeIsUsed) {
  save(1, 1);
  save(2, 2);
  const std::string whole = *files::read_file(path("step-00000002.ckpt"));
  for (size_t cut = 0; cut < whole.size(); cut += 7) {
    ASSERT_TRUE(
        files::write_atomic(path("step-00000002.ckpt"), std::string_view(whole).substr(0, cut)));
    const auto found = find_checkpoint(folder());
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(found->checkpoint.step, 1);
    ASSERT_EQ(found->refused.size(), 1U);
    EXPECT_NE(found->refused[0].find("step-00000002.ckpt"), std::string::npos);
  }
}

TEST_F(CheckpointTest, OneChangedByteIsRefused) {
  save(1, 1);
  std::string bytes = *files::read_file(path("step-00000001.ckpt"));
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(files::write_atomic(path("step-00000001.ckpt"), bytes));
  const auto found = find_checkpoint(folder());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, base::Code::Corrupt);
  EXPECT_EQ(found.error().reason, "CHECKPOINT_CORRUPT");
}

TEST_F(CheckpointTest, AnEmptyFolderSaysSo) {
  const auto found = find_checkpoint(folder());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, base::Code::NotFound);
}

}  // namespace
}  // namespace lab
