#include "lab/conversation_dataset.h"

#include "base/check.h"

namespace lab {
namespace {

using model::TrainBatch;
using Generators = std::vector<std::unique_ptr<synth::Generator>>;

base::Result<Generators> find_all(std::span<const std::string> names, synth::Split split) {
  Generators out;
  for (const std::string& name : names) {
    TRY(auto generator, synth::find_generator(name, split));
    out.push_back(std::move(generator));
  }
  return out;
}

class ConversationDataset final : public Dataset {
 public:
  ConversationDataset(Generators train, const Generators& held_out,
                      const ConversationOptions& options, ChatFormat format,
                      const BatchShape& shape)
      : train_(std::move(train)),
        options_(options),
        format_(std::move(format)),
        shape_(shape),
        rng_(options.seed),
        held_back_(next(train_, &rng_)) {
    base::Rng held_out_rng(options.seed ^ 0x76616c6964617465U);
    for (int64_t i = 0; i < options.validation_conversations; ++i) {
      const EncodedConversation one = next(held_out, &held_out_rng);
      append(&validation_.batches, one);
      validation_.bytes += one.counted_bytes;
    }
  }

  std::vector<TrainBatch> next_step() override {
    std::vector<TrainBatch> step;
    int64_t tokens = 0;
    // The conversation that did not fit opens the next step.
    while (tokens + std::ssize(held_back_.tokens) <= shape_.step_tokens) {
      tokens += std::ssize(held_back_.tokens);
      append(&step, held_back_);
      before_held_back_ = rng_;
      held_back_ = next(train_, &rng_);
    }
    return step;
  }

  const ValidationSet& validation() const override { return validation_; }
  json::Value state() const override {
    return json::Object{{"rng", rng_to_json(before_held_back_)}};
  }
  base::Status restore(const json::Value& state) override {
    TRY(rng_, rng_from_json(state["rng"]));
    before_held_back_ = rng_;
    held_back_ = next(train_, &rng_);
    return {};
  }

 private:
  // One that fits the context; a generator's conversations are far shorter, so few are passed over.
  EncodedConversation next(const Generators& generators, base::Rng* rng) const {
    constexpr int kTries = 1000;
    EncodedConversation one;
    for (int i = 0; i < kTries; ++i) {
      const synth::Generator& generator = *generators[rng->below(generators.size())];
      one = format_.encode(generator.next(*rng).messages, options_.counted);
      if (!one.tokens.empty() && std::ssize(one.tokens) <= shape_.context) return one;
    }
    one.tokens.resize(static_cast<size_t>(shape_.context));
    one.targets.resize(static_cast<size_t>(shape_.context));
    return one;
  }

  void append(std::vector<TrainBatch>* batches, const EncodedConversation& one) const {
    if (batches->empty() || batches->back().size() + std::ssize(one.tokens) > shape_.micro_tokens) {
      batches->emplace_back();
    }
    TrainBatch& batch = batches->back();
    batch.tokens.insert(batch.tokens.end(), one.tokens.begin(), one.tokens.end());
    batch.targets.insert(batch.targets.end(), one.targets.begin(), one.targets.end());
    batch.lengths.push_back(static_cast<int32_t>(one.tokens.size()));
  }

  Generators train_;
  ConversationOptions options_;
  ChatFormat format_;
  BatchShape shape_;
  base::Rng rng_;
  base::Rng before_held_back_{options_.seed};
  EncodedConversation held_back_;
  ValidationSet validation_;
};

}  // namespace

base::Result<std::unique_ptr<Dataset>> conversation_dataset(const ConversationOptions& options,
                                                            const text::Tokenizer& tokenizer,
                                                            const BatchShape& shape) {
  CHECK(!options.generators.empty() && shape.micro_tokens >= shape.context &&
        shape.step_tokens >= shape.context);
  TRY(Generators train, find_all(options.generators, synth::Split::Train));
  TRY(const Generators held_out, find_all(options.generators, synth::Split::HeldOutSkeleton));
  TRY(ChatFormat format, ChatFormat::create(tokenizer));
  return std::make_unique<ConversationDataset>(std::move(train), held_out, options,
                                               std::move(format), shape);
}

base::Result<std::string> conversation_corpus(std::span<const std::string> generators,
                                              int64_t bytes, uint64_t seed) {
  TRY(const Generators sources, find_all(generators, synth::Split::Train));
  base::Rng rng(seed);
  std::string corpus;
  while (std::ssize(corpus) < bytes) {
    for (const synth::Message& message : sources[rng.below(sources.size())]->next(rng).messages) {
      corpus += message.content;
      corpus += '\n';
    }
  }
  return corpus;
}

}  // namespace lab
