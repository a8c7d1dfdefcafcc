#include "model/gguf_names.h"

#include <algorithm>

namespace model {
namespace {

struct Pair {
  std::string_view gguf, hf;
};

constexpr Pair kWhole[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};

constexpr Pair kPerLayer[] = {
    {"attn_norm.weight", "input_layernorm.weight"},
    {"attn_q.weight", "self_attn.q_proj.weight"},
    {"attn_k.weight", "self_attn.k_proj.weight"},
    {"attn_v.weight", "self_attn.v_proj.weight"},
    {"attn_output.weight", "self_attn.o_proj.weight"},
    {"ffn_norm.weight", "post_attention_layernorm.weight"},
    {"ffn_gate.weight", "mlp.gate_proj.weight"},
    {"ffn_up.weight", "mlp.up_proj.weight"},
    {"ffn_down.weight", "mlp.down_proj.weight"},
};

std::string translate(std::string_view name, std::string_view Pair::* from,
                      std::string_view Pair::* to, std::string_view prefix_from,
                      std::string_view prefix_to) {
  for (const Pair& pair : kWhole) {
    if (pair.*from == name) return std::string(pair.*to);
  }
  if (!name.starts_with(prefix_from)) return {};
  const std::string_view rest = name.substr(prefix_from.size());
  const size_t dot = rest.find('.');
  if (dot == 0 || dot == std::string_view::npos) return {};
  const std::string_view layer = rest.substr(0, dot);
  if (!std::all_of(layer.begin(), layer.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  for (const Pair& pair : kPerLayer) {
    if (pair.*from == rest.substr(dot + 1))
      return std::string(prefix_to) + std::string(layer) + "." + std::string(pair.*to);
  }
  return {};
}

}  // namespace

std::string hf_name_of_gguf(std::string_view name) {
  return translate(name, &Pair::gguf, &Pair::hf, "blk.", "model.layers.");
}
std::string gguf_name_of_hf(std::string_view name) {
  return translate(name, &Pair::hf, &Pair::gguf, "model.layers.", "blk.");
}

}  // namespace model
