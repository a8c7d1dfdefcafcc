#include "model/weights.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace model {

std::string layer_parameter(int64_t layer, std::string_view name) {
  return "model.layers." + std::to_string(layer) + "." + std::string(name) + ".weight";
}

std::vector<ParameterSpec> parameter_specs(const Config& config) {
  const int64_t dim = config.dim, q = config.q_dim(), kv = config.kv_dim(),
                hidden = config.hidden_dim;
  std::vector<ParameterSpec> out;
  out.push_back({"model.embed_tokens.weight", {config.vocab_size, dim}});
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const auto add = [&](std::string_view name, std::vector<int64_t> shape) {
      out.push_back({layer_parameter(layer, name), std::move(shape)});
    };
    add("input_layernorm", {dim});
    add("self_attn.q_proj", {q, dim});
    add("self_attn.k_proj", {kv, dim});
    add("self_attn.v_proj", {kv, dim});
    add("self_attn.o_proj", {dim, q});
    add("post_attention_layernorm", {dim});
    add("mlp.gate_proj", {hidden, dim});
    add("mlp.up_proj", {hidden, dim});
    add("mlp.down_proj", {dim, hidden});
  }
  out.push_back({"model.norm.weight", {dim}});
  if (!config.tied_embeddings) out.push_back({"lm_head.weight", {config.vocab_size, dim}});
  return out;
}

std::vector<float> permute_rotary(std::span<const float> rows, int64_t heads, int64_t head_dim,
                                  kernels::Rotary from, kernels::Rotary to) {
  const int64_t all = heads * head_dim;
  CHECK(all > 0 && head_dim % 2 == 0 && static_cast<int64_t>(rows.size()) % all == 0);
  std::vector<float> out(rows.begin(), rows.end());
  if (from == to) return out;
  const int64_t columns = static_cast<int64_t>(rows.size()) / all;
  for (int64_t row = 0; row < all; ++row) {
    const int64_t head = row / head_dim, at = row % head_dim;
    // Row `at` of `to` order comes from this row of `from` order.
    const int64_t source = to == kernels::Rotary::Halves
                               ? at % (head_dim / 2) * 2 + at / (head_dim / 2)
                               : at % 2 * (head_dim / 2) + at / 2;
    const float* begin = rows.data() + (head * head_dim + source) * columns;
    std::copy(begin, begin + columns, out.data() + row * columns);
  }
  return out;
}

base::Status check_finite(const formats::TensorView& tensor, std::span<const float> values,
                          const std::string& file) {
  // All numbers at once first, without a branch in the loop: almost every tensor passes.
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t found = 0;
  for (const float value : values)
    found |= (std::bit_cast<uint32_t>(value) & kExponent) == kExponent ? 1u : 0u;
  if (!found) return {};
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const uint64_t offset =
        tensor.file_offset + i * static_cast<uint64_t>(formats::dtype_bytes(tensor.dtype));
    return base::fail(base::Code::Corrupt,
                      file + ": tensor '" + tensor.name + "' holds " +
                          (std::isnan(values[i]) ? "NaN" : "infinity") + " at element " +
                          std::to_string(i) + " (byte " + std::to_string(offset) +
                          " of the file); the weights are damaged",
                      file, "NOT_FINITE");
  }
  return {};
}

}  // namespace model
