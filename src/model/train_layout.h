// Where each parameter of a model stands in the trainer's one flat buffer: values, gradients and
// optimizer moments share these offsets. The projections of q, k and v (and gate and up) are
// neighbours, so that one matrix product makes all of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"

namespace model {

enum class ParameterRole : uint8_t { Embedding, Matrix, ResidualMatrix, Norm, Head };

struct ParameterSlot {
  std::string name;  // Hugging Face's
  ParameterRole role;
  int64_t rows;
  int64_t cols;    // a norm is one row
  int64_t offset;  // in floats, a multiple of 16
  int64_t size() const { return rows * cols; }
};

struct LayerOffsets {
  int64_t input_norm;  // (dim)
  int64_t qkv;         // ((heads + 2 kv_heads) head_dim, dim)
  int64_t output;      // (dim, heads head_dim)
  int64_t post_norm;   // (dim)
  int64_t gate_up;     // (2 hidden_dim, dim)
  int64_t down;        // (dim, hidden_dim)
};

struct TrainLayout {
  std::vector<ParameterSlot> slots;
  std::vector<LayerOffsets> layers;
  int64_t embedding = 0;   // (vocab_size, dim)
  int64_t final_norm = 0;  // (dim)
  int64_t head = 0;        // (vocab_size, dim); the embedding's when tied
  int64_t size = 0;        // floats, the gaps between slots counted
  int64_t parameters = 0;  // without gaps

  const ParameterSlot* find(std::string_view name) const;
};

TrainLayout make_train_layout(const Config& config);

// Floating-point operations of one trained token, forward and backward: six for each weight of a
// matrix product, and causal attention over sequences of `length` tokens.
double train_flops_per_token(const Config& config, int64_t length);

}  // namespace model
