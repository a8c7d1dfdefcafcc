#include "lab/dataset.h"

#include <algorithm>
#include <span>

#include "base/bytes.h"
#include "base/check.h"

namespace lab {
namespace {

using model::TrainBatch;

class TextDataset final : public Dataset {
 public:
  TextDataset(std::vector<int32_t> train, std::span<const int32_t> held_out,
              const text::Tokenizer& tokenizer, const BatchShape& shape,
              int64_t validation_tokens_max, uint64_t seed)
      : train_(std::move(train)), shape_(shape), rng_(seed) {
    validation_ = spread_windows(held_out, validation_tokens_max);
    for (const TrainBatch& batch : validation_.batches) {
      for (const int32_t id : batch.targets)
        validation_.bytes += std::ssize(tokenizer.token_bytes(id));
    }
  }

  std::vector<TrainBatch> next_step() override {
    std::vector<TrainBatch> step;
    int64_t left = std::max<int64_t>(1, shape_.step_tokens / shape_.context);
    const int64_t per_batch = std::max<int64_t>(1, shape_.micro_tokens / shape_.context);
    const uint64_t places = train_.size() - static_cast<size_t>(shape_.context);
    while (left > 0) {
      TrainBatch& batch = step.emplace_back();
      for (const int64_t end = std::max<int64_t>(0, left - per_batch); left > end; --left) {
        append_window(&batch, train_, static_cast<int64_t>(rng_.below(places)));
      }
    }
    return step;
  }

  const ValidationSet& validation() const override { return validation_; }
  json::Value state() const override { return json::Object{{"rng", rng_to_json(rng_)}}; }
  base::Status restore(const json::Value& state) override {
    TRY(rng_, rng_from_json(state["rng"]));
    return {};
  }

 private:
  void append_window(TrainBatch* batch, std::span<const int32_t> ids, int64_t start) const {
    const auto from = ids.begin() + start;
    batch->tokens.insert(batch->tokens.end(), from, from + shape_.context);
    batch->targets.insert(batch->targets.end(), from + 1, from + shape_.context + 1);
    batch->lengths.push_back(static_cast<int32_t>(shape_.context));
  }

  ValidationSet spread_windows(std::span<const int32_t> ids, int64_t tokens_max) const {
    const int64_t all = (std::ssize(ids) - 1) / shape_.context;
    const int64_t wanted = std::clamp<int64_t>(tokens_max / shape_.context, 1, all);
    const int64_t per_batch = std::max<int64_t>(1, shape_.micro_tokens / shape_.context);
    ValidationSet set;
    for (int64_t i = 0; i < wanted; ++i) {
      if (i % per_batch == 0) set.batches.emplace_back();
      append_window(&set.batches.back(), ids, i * all / wanted * shape_.context);
    }
    return set;
  }

  std::vector<int32_t> train_;
  BatchShape shape_;
  base::Rng rng_;
  ValidationSet validation_;
};

}  // namespace

std::string_view training_part(std::string_view text) {
  size_t cut = text.size() / 10 * 9;
  // Not inside a UTF-8 character.
  while (cut > 0 && cut < text.size() && (static_cast<uint8_t>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return text.substr(0, cut);
}

base::Result<std::unique_ptr<Dataset>> text_dataset(std::string_view text,
                                                    const text::Tokenizer& tokenizer,
                                                    const BatchShape& shape,
                                                    int64_t validation_tokens_max, uint64_t seed) {
  CHECK(shape.micro_tokens >= shape.context && shape.step_tokens >= shape.context);
  const std::string_view first = training_part(text);
  std::vector<int32_t> train = tokenizer.encode(first, false);
  const std::vector<int32_t> held_out = tokenizer.encode(text.substr(first.size()), false);
  if (std::ssize(train) <= shape.context || std::ssize(held_out) <= shape.context) {
    return base::fail(base::Code::InvalidArgument,
                      "The text is too short to train on: it gives " +
                          std::to_string(train.size()) + " tokens, and " +
                          std::to_string(held_out.size()) + " for validation, for a context of " +
                          std::to_string(shape.context) +
                          "; give a longer text or a smaller --context.",
                      "--data", "TEXT_TOO_SHORT");
  }
  return std::make_unique<TextDataset>(std::move(train), held_out, tokenizer, shape,
                                       validation_tokens_max, seed);
}

json::Value rng_to_json(const base::Rng& rng) {
  // As hexadecimal text: JSON's numbers do not carry 64 bits.
  std::string text;
  for (const uint64_t word : rng.state())
    text += base::hex({reinterpret_cast<const uint8_t*>(&word), sizeof word});
  return text;
}

base::Result<base::Rng> rng_from_json(const json::Value& value) {
  std::array<uint64_t, 4> state{};
  if (value.is_string()) {
    TRY(const base::Bytes bytes, base::from_hex(value.as_string()));
    if (bytes.size() == sizeof state) {
      for (size_t i = 0; i < state.size(); ++i)
        state[i] = base::load_le<uint64_t>(bytes.data() + 8 * i);
      return base::Rng::from_state(state);
    }
  }
  return base::fail(base::Code::Malformed,
                    "The checkpoint does not hold the state of the random numbers.", "rng");
}

}  // namespace lab
