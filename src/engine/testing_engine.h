// For the engine's tests: a small random model, requests on it, and what came of them.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "engine/engine.h"
#include "files/files.h"
#include "model/save.h"
#include "model/testing_tiny.h"

namespace engine::testing {

// What came out of one request.
struct Answer {
  std::string text;
  std::vector<TokenLogprob> logprobs, prompt_logprobs;
  std::vector<std::string> pieces;
  std::vector<float> embedding;
  int64_t completion_tokens = 0, cached_tokens = 0;
  std::optional<Finish> finish;
  std::optional<base::Error> error;
};

// Collects the events of many requests and waits for their ends.
class Collector {
 public:
  Sink sink(const std::string& name, std::function<void(const Event&)> also = {}) {
    return [this, name, also = std::move(also)](const Event& event) {
      {
        const std::lock_guard lock(mutex_);
        Answer& answer = answers_[name];
        EXPECT_FALSE(answer.finish) << "an event after the last one";
        EXPECT_TRUE(base::is_utf8(event.text));
        answer.text += event.text;
        answer.pieces.push_back(event.text);
        answer.logprobs.insert(answer.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
        answer.completion_tokens = event.completion_tokens;
        answer.cached_tokens = event.cached_tokens;
        answer.prompt_logprobs.insert(answer.prompt_logprobs.end(), event.prompt_logprobs.begin(),
                                      event.prompt_logprobs.end());
        answer.embedding = event.embedding;
        answer.finish = event.finish;
        answer.error = event.error;
        order_.push_back(name);
        if (event.finish) ends_.push_back(name);
        changed_.notify_all();  // under the lock: whoever wakes may take this object away
      }
      if (also) also(event);
    };
  }

  Answer wait(const std::string& name) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_[name].finish.has_value(); });
    return answers_[name];
  }

  std::vector<std::string> ends() {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Answer> answers_;
  std::vector<std::string> order_, ends_;
};

inline std::shared_ptr<const model::Model> tiny_model(
    kernels::Precision precision = kernels::Precision::BF16, bool damaged = false) {
  const auto folder = files::TemporaryDirectory::create("engine-test");
  const model::Config config = model::testing::tiny_config();
  auto weights = model::testing::tiny_weights(config, 11);
  if (damaged) {
    for (float& w : weights.values["model.norm.weight"])
      w = 3e38f;  // finite, and its products are not
  }
  const text::VocabSpec vocabulary = model::testing::tiny_vocabulary();
  const auto saved = model::write_model_folder(config, weights.views, &vocabulary, folder->path(),
                                               {.dtype = formats::DType::F32});
  EXPECT_TRUE(saved) << saved.error().text();
  auto model = model::Model::load(*model::open_model(folder->path()), {.precision = precision});
  EXPECT_TRUE(model) << model.error().text();
  return *model;
}

inline Options options() {
  return {.threads = 1,
          .kv_bytes_max = 8 << 20,
          .max_batch = 8,
          .queue_max = 64,
          .prefill_tokens_per_step = 16,
          .seed = 1};
}

inline std::unique_ptr<Engine> start(const Options& with = options()) {
  static const auto model = tiny_model();
  auto engine = Engine::start(model, with);
  EXPECT_TRUE(engine) << engine.error().text();
  return *std::move(engine);
}

inline Request request(const Engine& engine, std::string_view prompt, int64_t max_tokens) {
  Request out;
  out.prompt = engine.model().tokenizer().encode(prompt, false);
  out.max_tokens = max_tokens;
  out.ignore_stop_tokens = true;
  return out;
}

inline Answer ask(Engine& engine, Request what) {
  Collector collector;
  const auto id = engine.submit(std::move(what), collector.sink("only"));
  EXPECT_TRUE(id) << id.error().text();
  return collector.wait("only");
}

}  // namespace engine::testing
