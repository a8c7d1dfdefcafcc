#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace engine {
namespace {

// How often each token comes out of `draws` draws from these logits.
std::map<int32_t, double> frequencies(Sampling sampling, const std::vector<float>& logits,
                                      int draws) {
  Sampler sampler(std::move(sampling), 5);
  std::map<int32_t, double> out;
  for (int i = 0; i < draws; ++i) {
    std::vector<float> scratch = logits;
    out[sampler.next(scratch)->id] += 1.0 / draws;
  }
  return out;
}

const std::vector<float> kLogits{std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};

TEST(Sampler, DrawsFromTheDistribution) {
  for (const float top_p : {1.0f, 0.9999f}) {  // without and with sorting
    const auto f = frequencies({.top_p = top_p}, kLogits, 20000);
    EXPECT_NEAR(f.at(0), 0.1, 0.015);
    EXPECT_NEAR(f.at(1), 0.4, 0.015);
    EXPECT_NEAR(f.at(2), 0.2, 0.015);
    EXPECT_NEAR(f.at(3), 0.3, 0.015);
  }
}

TEST(Sampler, TemperatureSharpens) {
  const auto f = frequencies({.temperature = 0.5f}, kLogits, 20000);
  EXPECT_NEAR(f.at(1), 0.16 / 0.30, 0.015);
  EXPECT_EQ(frequencies({.temperature = 0}, kLogits, 10).size(), 1u);
}

TEST(Sampler, CutsKeepTheLikeliest) {
  const auto two = frequencies({.top_k = 2}, kLogits, 5000);
  EXPECT_EQ(two.size(), 2u);
  EXPECT_NEAR(two.at(1), 4.0 / 7, 0.03);
  const auto half = frequencies({.top_p = 0.5f}, kLogits, 5000);
  EXPECT_EQ(half.size(), 2u);  // 0.4 is not enough, 0.4 + 0.3 is
  EXPECT_EQ(frequencies({.top_p = 0.35f}, kLogits, 500).size(), 1u);
  EXPECT_EQ(frequencies({.top_p = 0}, kLogits, 500).size(), 1u);
  EXPECT_EQ(frequencies({.min_p = 0.6f}, kLogits, 5000).size(), 2u);  // 0.24 and more
  EXPECT_EQ(frequencies({.min_p = 1}, kLogits, 500).size(), 1u);
}

TEST(Sampler, SortsOnlyAsFarAsNeededAndStillRight) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>((i * 7919) % 1000) * 0.001f;
  const auto f = frequencies({.top_p = 0.5f}, logits, 4000);
  for (const auto& [id, share] : f) EXPECT_GT(logits[static_cast<size_t>(id)], 0.35f);
  EXPECT_GT(f.size(), 300u);
}

TEST(Sampler, BansForcesAndPenalises) {
  EXPECT_FALSE(frequencies({.logit_bias = {{1, -100.0f}}}, kLogits, 5000).contains(1));
  EXPECT_EQ(frequencies({.logit_bias = {{0, 100.0f}}}, kLogits, 500).size(), 1u);
  // A strong penalty on what came already makes greedy decoding walk through the vocabulary.
  Sampler sampler({.temperature = 0, .presence_penalty = 50}, 1);
  std::vector<int32_t> ids;
  for (int i = 0; i < 4; ++i) {
    std::vector<float> scratch = kLogits;
    ids.push_back(sampler.next(scratch)->id);
  }
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 3, 2, 0}));
}

TEST(Sampler, RefusesLogitsThatAreNotNumbers) {
  Sampler sampler({}, 1);
  std::vector<float> nan(4, std::nanf(""));
  EXPECT_FALSE(sampler.next(nan));
  std::vector<float> infinite{0, std::numeric_limits<float>::infinity()};
  EXPECT_FALSE(sampler.next(infinite));
  std::vector<float> banned{0, 1};
  Sampler all({.logit_bias = {{0, -100.0f}, {1, -100.0f}}}, 1);
  EXPECT_FALSE(all.next(banned));
}

TEST(Sampler, ReportsLogarithmsOfTheModelsProbabilities) {
  Sampler sampler({.temperature = 0, .logprobs = true, .top_logprobs = 2}, 1);
  std::vector<float> scratch = kLogits;
  const auto token = sampler.next(scratch);
  EXPECT_NEAR(token->logprob, std::log(0.4), 1e-5);
  ASSERT_EQ(token->top.size(), 2u);
  EXPECT_EQ(token->top[1].first, 3);
  EXPECT_NEAR(token->top[1].second, std::log(0.3), 1e-5);
}

}  // namespace
}  // namespace engine
