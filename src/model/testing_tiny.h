// A small random model made by the test itself: its configuration, its weights, a tokenizer of
// bytes.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/weights.h"
#include "text/tokenizer.h"

namespace model::testing {

inline Config tiny_config() {
  Config config;
  config.vocab_size = 99;
  config.dim = 48;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 12;
  config.hidden_dim = 80;
  config.context_length = 256;
  return config;
}

struct TinyWeights {
  std::map<std::string, std::vector<float>> values;
  std::vector<formats::TensorView> views;  // into values
};

inline TinyWeights tiny_weights(const Config& config, uint64_t seed) {
  base::Rng rng(seed);
  TinyWeights out;
  for (const ParameterSpec& spec : parameter_specs(config)) {
    std::vector<float>& values = out.values[spec.name];
    int64_t count = 1;
    for (const int64_t extent : spec.shape) count *= extent;
    for (int64_t i = 0; i < count; ++i) {
      const double scale =
          spec.shape.size() == 1 ? 0.1 : 2.0 / std::sqrt(static_cast<double>(spec.shape.back()));
      values.push_back(static_cast<float>(rng.normal() * scale + (spec.shape.size() == 1 ? 1 : 0)));
    }
    out.views.push_back(formats::f32_view(spec.name, spec.shape, values.data()));
  }
  return out;
}

// <unk> <eos> <bos>, then the 95 printable ASCII characters and the newline.
inline text::VocabSpec tiny_vocabulary() {
  text::VocabSpec spec;
  spec.kind = text::VocabSpec::Kind::Characters;
  spec.tokens = {"<unk>", "<eos>", "<bos>"};
  spec.types.assign(3, text::TokenType::Control);
  spec.types[0] = text::TokenType::Unknown;
  for (char c = ' '; c <= '~'; ++c) spec.tokens.emplace_back(1, c);
  spec.tokens.emplace_back("\n");
  spec.types.resize(spec.tokens.size(), text::TokenType::Normal);
  spec.unknown = 0;
  spec.eos = 1;
  spec.bos = 2;
  return spec;
}

}  // namespace model::testing
