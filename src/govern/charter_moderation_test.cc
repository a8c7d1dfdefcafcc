// The charter's table of moderation: absent, it is off; what it does not know, it refuses.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "govern/charter.h"

namespace govern {
namespace {

std::string charter_with(const std::string& table) {
  std::ifstream file(CHARTER_SOURCE_DIR "/tests/corpus/charter_fuzz/one-person.toml");
  std::stringstream text;
  text << file.rdbuf() << '\n' << table;
  return text.str();
}

const std::string kModel = "model = \"" + std::string(64, 'a') + "\"\n";

TEST(CharterModeration, IsOffWhereTheCharterSaysNothing) {
  const auto charter = parse_charter(charter_with(""));
  ASSERT_TRUE(charter) << charter.error().text();
  EXPECT_FALSE(charter->moderation);
}

TEST(CharterModeration, NamesTheModelTheHooksAndTheThresholds) {
  const auto charter = parse_charter(charter_with(
      "[moderation]\n" + kModel +
      "before = \"block\"\nafter = \"flag\"\nthresholds = { \"violence/graphic\" = \"0.75\" }\n"));
  ASSERT_TRUE(charter) << charter.error().text();
  ASSERT_TRUE(charter->moderation);
  EXPECT_EQ(charter->moderation->before, ModerationAction::Block);
  EXPECT_EQ(charter->moderation->after, ModerationAction::Flag);
  EXPECT_EQ(charter->moderation->thresholds.at("violence/graphic"), 0.75);
  EXPECT_EQ(crypto::hex(charter->moderation->model), std::string(64, 'a'));
}

TEST(CharterModeration, WhatItDoesNotKnowIsRefused) {
  for (const std::string& table :
       {std::string("[moderation]\nbefore = \"block\"\n"),
        "[moderation]\n" + kModel + "before = \"warn\"\n",
        "[moderation]\n" + kModel + "during = \"block\"\n",
        "[moderation]\n" + kModel + "thresholds = { \"rude\" = \"0.5\" }\n",
        "[moderation]\n" + kModel + "thresholds = { \"hate\" = 0.5 }\n",
        "[moderation]\n" + kModel + "thresholds = { \"hate\" = \"0\" }\n",
        "[moderation]\n" + kModel + "thresholds = { \"hate\" = \"1.5\" }\n",
        std::string("[moderation]\nmodel = \"abc\"\n"), std::string("[[moderation]]\n") + kModel}) {
    EXPECT_FALSE(parse_charter(charter_with(table))) << table;
  }
}

}  // namespace
}  // namespace govern
