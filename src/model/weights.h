// The parameters of a model by name, in one order, shared by the loader, the trainer and the
// writers. Names and shapes are those of Hugging Face Llama folders.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/tensor_view.h"
#include "model/config.h"

namespace model {

struct ParameterSpec {
  std::string name;            // "model.layers.3.self_attn.q_proj.weight"
  std::vector<int64_t> shape;  // [out, in] for a product x·Wᵀ, [dim] for a norm
};

// model.embed_tokens.weight [vocab, dim]; per layer: input_layernorm [dim], self_attn.{q,k,v}_proj
// [q_dim|kv_dim, dim], self_attn.o_proj [dim, q_dim], post_attention_layernorm [dim],
// mlp.{gate,up}_proj [hidden, dim], mlp.down_proj [dim, hidden]; then model.norm.weight [dim] and,
// unless tied, lm_head.weight [vocab, dim].
std::vector<ParameterSpec> parameter_specs(const Config& config);

std::string layer_parameter(
    int64_t layer,
    std::string_view name);  // (3, "mlp.up_proj") → "model.layers.3.mlp.up_proj.weight"

// The rows of q or k between the two rotary orders: interleaved pairs (2i, 2i+1) and halves (i,
// i+d/2). Row-major floats, [heads * head_dim, columns].
std::vector<float> permute_rotary(std::span<const float> rows, int64_t heads, int64_t head_dim,
                                  kernels::Rotary from, kernels::Rotary to);

// Refuses NaN and infinity: Code::Corrupt, reason NOT_FINITE, naming file, tensor, element and byte
// offset.
base::Status check_finite(const formats::TensorView& tensor, std::span<const float> values,
                          const std::string& file);

}  // namespace model
