// For the judge's tests: suites made in place, and subjects whose answers a test decides.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "judge/run.h"

namespace judge::testing {

// Answers with what the function gives; each call may come from another thread.
class FunctionSubject final : public Subject {
 public:
  using Answer = std::function<base::Result<std::string>(const Prompt&)>;
  using Weigh = std::function<double(const Prompt&, const std::string& continuation)>;
  explicit FunctionSubject(Answer answer, Weigh weigh = {})
      : answer_(std::move(answer)), weigh_(std::move(weigh)) {}

  base::Result<crypto::Digest> prompt_digest(
      const Prompt& prompt, std::span<const std::string> continuations) const override {
    crypto::Sha256 hash;
    for (const Message& message : prompt.messages)
      hash.update(message.role).update(message.content);
    for (const std::string& each : continuations) hash.update(each);
    return hash.finish();
  }
  base::Result<Completion> complete(const Prompt& prompt, const Sampling&, uint64_t) override {
    TRY(std::string text, answer_(prompt));
    return Completion{std::move(text), 1, 1};
  }
  base::Result<std::vector<Likelihood>> likelihoods(
      const Prompt& prompt, std::span<const std::string> continuations) override {
    std::vector<Likelihood> out;
    for (const std::string& each : continuations) out.push_back({weigh_(prompt, each), false});
    return out;
  }

 private:
  Answer answer_;
  Weigh weigh_;
};

// `more`: members of suite.json beside the usual ones, each with a comma in front.
inline base::Result<Suite> try_suite(std::string_view grader, std::string_view cases,
                                     std::string_view more = "") {
  const std::string definition =
      R"({"format":"charter-suite/v1","name":"made","version":"1","description":"",)"
      R"("cases":{"size":0,"root":""},"epochs":1,"grader":")" +
      std::string(grader) + R"(","sampling":{"temperature":"0","top_p":"1","max_tokens":32})" +
      std::string(more) + "}";
  TRY(const std::string pinned, pin_suite(definition, cases));
  return parse_suite(pinned, cases);
}

inline Suite must_suite(std::string_view grader, std::string_view cases,
                        std::string_view more = "") {
  auto suite = try_suite(grader, cases, more);
  EXPECT_TRUE(suite.has_value()) << suite.error().text();
  return *std::move(suite);
}

inline RunOptions options() {
  RunOptions out;
  out.identity = {.model = "subject", .manifest = crypto::sha256("weights"), .engine = "test"};
  out.concurrency = 3;
  return out;
}

inline base::Result<Run> run_on(const Suite& suite, Subject& subject,
                                const RunOptions& with = options()) {
  const base::ManualClock clock({1'700'000'000'000'000'000});
  return run(suite, subject, clock, with);
}

// A case's line.
inline std::string line(std::string_view id, std::string_view content, std::string_view expect,
                        std::string_view more = "") {
  return R"({"id":")" + std::string(id) + R"(","messages":[{"role":"user","content":")" +
         std::string(content) + R"("}],"expect":)" + std::string(expect) + std::string(more) +
         "}\n";
}

}  // namespace judge::testing
