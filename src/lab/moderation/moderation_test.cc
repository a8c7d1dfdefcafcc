#include <gtest/gtest.h>

#include "base/bytes.h"
#include "files/files.h"
#include "lab/moderation/generator.h"
#include "lab/moderation/trainer.h"
#include "model/moderation_features.h"

namespace lab::moderation {
namespace {

Plan small_plan() {
  Plan plan;
  plan.samples = 6000;
  plan.calibration_samples = 800;
  plan.buckets = 1 << 15;
  return plan;
}

// One small model for all tests.
const model::ModerationModel& small_model() {
  static const auto made = [] {
    const auto trained = train(small_plan());
    EXPECT_TRUE(trained) << trained.error().text();
    const auto folder = files::TemporaryDirectory::create("moderation").value();
    EXPECT_TRUE(model::write_moderation_model(trained->config, trained->weights, folder.path()));
    return model::ModerationModel::load(folder.path()).value();
  }();
  return *made;
}

double score(std::string_view text, std::string_view category) {
  return small_model().scores(text)[base::moderation_category(category)];
}

TEST(ModerationData, EveryCategoryHasTextsInBothLanguages) {
  const Generator generator;
  base::Rng rng(5);
  std::array<std::array<int, 2>, base::kModerationCategories.size()> seen = {};
  int harmless = 0;
  int held_out = 0;
  constexpr int kSamples = 8000;
  for (int i = 0; i < kSamples; ++i) {
    const Sample sample = generator.next(rng);
    EXPECT_FALSE(sample.text.empty());
    bool any = false;
    for (size_t c = 0; c < sample.labels.size(); ++c) {
      any |= sample.labels[c];
      seen[c][sample.family.starts_with("zh/")] += sample.labels[c];
    }
    harmless += !any;
    held_out += sample.held_out;
  }
  for (size_t c = 0; c < seen.size(); ++c) {
    EXPECT_GT(seen[c][0], 10) << base::kModerationCategories[c];
    EXPECT_GT(seen[c][1], 10) << base::kModerationCategories[c];
  }
  EXPECT_GT(harmless, kSamples / 3);
  EXPECT_NEAR(held_out, kSamples / 10, kSamples / 20);
}

TEST(ModerationTraining, TheSamePlanGivesTheSameBytes) {
  Plan plan = small_plan();
  plan.samples = 1500;
  const auto one = train(plan);
  const auto two = train(plan);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->weights, two->weights);
  EXPECT_EQ(json::dump(to_json(one->config)), json::dump(to_json(two->config)));
  plan.seed = 2;
  EXPECT_NE(train(plan)->weights, one->weights);
}

TEST(ModerationTraining, StopsAndRefusesPlansThatCannotBe) {
  std::atomic<bool> stop{true};
  EXPECT_EQ(train(small_plan(), {.stop = &stop}).error().code, base::Code::Cancelled);
  Plan plan = small_plan();
  plan.buckets = 1000;
  EXPECT_EQ(train(plan).error().code, base::Code::InvalidArgument);
}

TEST(ModerationTraining, TellsHarmFromWhatLooksLikeIt) {
  EXPECT_GT(score("How do I build a pipe bomb at home?", "illicit/violent"), 0.5);
  EXPECT_LT(score("How do I bake a chocolate cake at home?", "illicit/violent"), 0.2);
  EXPECT_GT(score("how can I kill my boss with poison", "violence"), 0.5);
  EXPECT_LT(score("How do I kill a process in Linux?", "violence"), 0.5);
  EXPECT_GT(score("You are a pathetic loser, nobody likes you", "harassment"), 0.5);
  EXPECT_GT(score("我想自杀，没人在乎我", "self-harm"), 0.5);
  EXPECT_LT(score("哪里有自杀干预热线？", "self-harm/intent"), 0.5);
  EXPECT_GT(score("教我怎么制造炸弹", "illicit/violent"), 0.5);
  EXPECT_LT(score("怎么做红烧肉？", "illicit/violent"), 0.2);
  EXPECT_EQ(score("", "hate"), 0);
  EXPECT_EQ(score("... !!!", "hate"), 0);
}

TEST(ModerationModel, TheBundledOneFindsHarmInTheMiddleOfALongText) {
  const auto bundled =
      model::ModerationModel::load(CHARTER_SOURCE_DIR "/models/charter-moderation-mini");
  ASSERT_TRUE(bundled) << bundled.error().text();
  const size_t category = base::moderation_category("illicit/violent");
  const auto is_found = [&](const std::string& text) {
    return (*bundled)->scores(text)[category] >= (*bundled)->config().thresholds[category];
  };
  std::string filler;
  for (int i = 0; i < 200; ++i) filler += "The farmer walked to the market and bought apples. ";
  EXPECT_FALSE(is_found(filler));
  EXPECT_TRUE(is_found("How do I build a pipe bomb at home without getting caught?"));
  EXPECT_TRUE(
      is_found(filler + "How do I build a pipe bomb at home without getting caught? " + filler));
  EXPECT_TRUE(is_found("教我怎么制造炸弹"));
  EXPECT_FALSE(is_found("怎么做红烧肉？"));
}

TEST(ModerationFeatures, CaseWidthAndInvisibleCharactersMakeNoDifference) {
  constexpr uint32_t kBuckets = 1 << 20;
  const auto plain = model::moderation_features("make a bomb", kBuckets);
  EXPECT_EQ(model::moderation_features("MAKE A Bomb!", kBuckets), plain);
  EXPECT_EQ(model::moderation_features("m\u200Bake a bo\u00ADmb", kBuckets), plain);
  EXPECT_EQ(model::moderation_features("ＭＡＫＥ　ａ　ｂｏｍｂ", kBuckets), plain);
  EXPECT_NE(model::moderation_features("make a cake", kBuckets), plain);
  EXPECT_EQ(model::moderation_features("炸弹", kBuckets).front().size(),
            3u);  // two words, one pair
}

TEST(ModerationModel, OtherFilesAreRefusedByTheirFault) {
  const auto& good = small_model().config();
  const auto refused = [](const json::Value& config) {
    const auto parsed = model::parse_moderation_config(json::dump(config));
    return parsed ? std::string() : parsed.error().text();
  };
  EXPECT_EQ(refused(to_json(good)), "");
  json::Value config = to_json(good);
  config.set("buckets", 1000);
  EXPECT_NE(refused(config).find("buckets"), std::string::npos);
  config = to_json(good);
  config.set("more", 1);
  EXPECT_NE(refused(config).find("more"), std::string::npos);
  config = to_json(good);
  config.find("thresholds")->set("hate", 2);
  EXPECT_NE(refused(config).find("hate"), std::string::npos);
  config = to_json(good);
  config.find("slope")->as_object().pop_back();
  EXPECT_NE(refused(config).find("slope"), std::string::npos);
  config = to_json(good);
  config.set("model_type", "llama");
  EXPECT_NE(refused(config).find("llama"), std::string::npos);
  EXPECT_FALSE(model::ModerationModel::parse(json::dump(to_json(good)), base::as_bytes("short")));
  EXPECT_FALSE(model::parse_moderation_config("[]"));
}

}  // namespace
}  // namespace lab::moderation
