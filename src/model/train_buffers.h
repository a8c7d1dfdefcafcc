// What the forward pass keeps for the backward pass, and the scratch both share. Cheap results
// (norms, the gated activation) are made again in the backward pass instead of kept: memory
// bandwidth is dearer than those operations.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"

namespace model {

// Rows of logits made at once, so that they stay in the cache between the product, the softmax and
// the gradients.
inline constexpr int64_t kLogitRows = 512;
inline constexpr int64_t kRowGrain = 64;  // rows that one thread takes at a time

struct TrainBuffers {
  struct Layer {
    std::vector<float> input;           // (tokens, dim)
    std::vector<float> input_inv_rms;   // (tokens)
    std::vector<float> qkv;             // (tokens, (heads + 2 kv_heads) head_dim), rotated
    std::vector<float> log_sum_exp;     // (heads, length) for each sequence, one after another
    std::vector<float> attended;        // (tokens, heads head_dim)
    std::vector<float> middle;          // (tokens, dim)
    std::vector<float> middle_inv_rms;  // (tokens)
    std::vector<float> gate_up;         // (tokens, 2 hidden_dim)
  };

  TrainBuffers(const Config& config, int64_t tokens_max);

  std::vector<Layer> layers;
  std::vector<float> last;          // (tokens, dim): what the last layer leaves
  std::vector<float> last_inv_rms;  // (tokens)
  std::vector<float> normed;        // (tokens, dim)
  std::vector<float> activated;     // (tokens, hidden_dim)
  std::vector<float> logits;        // (kLogitRows, vocab_size)
  std::vector<float> counted;       // (kLogitRows, dim): the rows of `normed` that have a target
  std::vector<float> d_counted;     // (kLogitRows, dim)
  std::vector<float> d_stream;      // (tokens, dim): gradient of the residual stream
  std::vector<float> d_normed;      // (tokens, dim)
  std::vector<float> d_activated;   // (tokens, hidden_dim)
  std::vector<float> d_gate_up;     // (tokens, 2 hidden_dim)
  std::vector<float> d_attended;    // (tokens, heads head_dim)
  std::vector<float> d_qkv;         // (tokens, (heads + 2 kv_heads) head_dim)
  std::vector<float> cos_sin;       // (context_length, head_dim / 2, 2)
  std::vector<int32_t> positions;   // (tokens)
  std::vector<int32_t> lengths;     // (sequences)
  std::vector<int64_t> starts;      // (sequences): first token of each
};

}  // namespace model
