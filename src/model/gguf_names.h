// Tensor names of GGUF's llama architecture and of Hugging Face folders, one for the other.
#pragma once

#include <string>
#include <string_view>

namespace model {

std::string hf_name_of_gguf(
    std::string_view
        name);  // "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight"; empty: unknown
std::string gguf_name_of_hf(std::string_view name);  // the way back; empty: unknown

}  // namespace model
