// Where a run's batches come from. A source is repeatable: its state says where it stands, and a
// source that is restored to a state gives the same batches from there on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "json/json.h"
#include "model/train_model.h"
#include "text/tokenizer.h"

namespace lab {

struct BatchShape {
  int64_t context = 256;        // tokens of the longest sequence
  int64_t step_tokens = 8192;   // of one optimizer step, at most
  int64_t micro_tokens = 2048;  // of one forward and backward pass, at most; >= context
};

struct ValidationSet {
  std::vector<model::TrainBatch> batches;
  int64_t bytes = 0;  // of the text that the counted targets spell
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::vector<model::TrainBatch> next_step() = 0;
  virtual const ValidationSet& validation() const = 0;
  virtual json::Value state() const = 0;
  virtual base::Status restore(const json::Value& state) = 0;
};

// Windows at random places of the first nine tenths of a text; the last tenth is for validation, at
// most `validation_tokens_max` of it in windows spread evenly.
base::Result<std::unique_ptr<Dataset>> text_dataset(std::string_view text,
                                                    const text::Tokenizer& tokenizer,
                                                    const BatchShape& shape,
                                                    int64_t validation_tokens_max, uint64_t seed);

// The part of a text that training may see: a tokenizer is learned from this alone.
std::string_view training_part(std::string_view text);

json::Value rng_to_json(const base::Rng& rng);
base::Result<base::Rng> rng_from_json(const json::Value& value);

}  // namespace lab
