#include "model/save.h"

#include <functional>
#include <map>

#include "files/files.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "model/gguf_names.h"
#include "model/gguf_vocabulary.h"
#include "model/sentence_piece_json.h"
#include "model/weights.h"
#include "text/tokenizer_json.h"

namespace model {
namespace {

using base::Code;

std::unexpected<base::Error> wrong(const std::string& tensor, const std::string& sentence) {
  return base::fail(Code::InvalidArgument, "tensor '" + tensor + "' " + sentence, tensor);
}

// The tensors in the order of the specs, each once and of the right shape.
base::Result<std::vector<formats::TensorView>> in_order(
    const Config& config, std::span<const formats::TensorView> tensors) {
  std::map<std::string_view, const formats::TensorView*> by_name;
  for (const formats::TensorView& tensor : tensors) {
    if (!by_name.emplace(tensor.name, &tensor).second) return wrong(tensor.name, "is given twice");
  }
  std::vector<formats::TensorView> out;
  for (const ParameterSpec& spec : parameter_specs(config)) {
    const auto found = by_name.find(spec.name);
    if (found == by_name.end()) return wrong(spec.name, "is missing");
    if (found->second->shape != spec.shape) {
      return wrong(spec.name, "has the shape " + formats::shape_text(found->second->shape) +
                                  ", not " + formats::shape_text(spec.shape));
    }
    if (found->second->dtype == formats::DType::Other)
      return wrong(spec.name, "is of the type " + found->second->type_name);
    out.push_back(*found->second);
    by_name.erase(found);
  }
  if (!by_name.empty())
    return wrong(std::string(by_name.begin()->first), "does not belong to this model");
  return out;
}

bool is_rotary(std::string_view name) {
  return name.ends_with("self_attn.q_proj.weight") || name.ends_with("self_attn.k_proj.weight");
}

// The tensor's bytes as `dtype`, its q and k rows in the order `rotary`.
base::Bytes converted(const formats::TensorView& tensor, const Config& config, formats::DType dtype,
                      kernels::Rotary rotary) {
  const int64_t count = tensor.elements();
  std::vector<float> numbers(static_cast<size_t>(count));
  formats::to_floats(tensor.dtype, tensor.data.data(), count, numbers.data());
  if (is_rotary(tensor.name)) {
    numbers = permute_rotary(numbers, tensor.shape[0] / config.head_dim, config.head_dim,
                             config.rotary, rotary);
  }
  base::Bytes out(static_cast<size_t>(count * formats::dtype_bytes(dtype)));
  formats::from_floats(dtype, numbers.data(), count, out.data());
  return out;
}

// The tensors as they shall stand in the file; what is already so is not copied.
struct Converted {
  std::vector<formats::TensorView> views;
  std::vector<base::Bytes> owned;
};

Converted convert_all(const std::vector<formats::TensorView>& tensors, const Config& config,
                      kernels::Rotary rotary,
                      const std::function<formats::DType(const formats::TensorView&)>& dtype_of) {
  Converted out;
  for (const formats::TensorView& tensor : tensors) {
    const formats::DType dtype = dtype_of(tensor);
    out.views.push_back(tensor);
    if (tensor.dtype == dtype && !(is_rotary(tensor.name) && config.rotary != rotary)) continue;
    out.owned.push_back(converted(tensor, config, dtype, rotary));
    out.views.back().dtype = dtype;
    out.views.back().data = out.owned.back();  // moving a vector's vector does not move its bytes
  }
  return out;
}

formats::ByteSink into(files::AtomicFile& file) {
  return [&file](base::ByteSpan bytes) { return file.append(bytes); };
}

json::Value generation_config(const text::VocabSpec* tokenizer, const json::Value& extra) {
  json::Value out = json::Object{};
  if (tokenizer && tokenizer->bos >= 0) out.set("bos_token_id", tokenizer->bos);
  if (tokenizer && tokenizer->eos >= 0) {
    json::Array ids{tokenizer->eos};
    for (const int32_t id : tokenizer->stop_ids) {
      if (id != tokenizer->eos) ids.emplace_back(id);
    }
    out.set("eos_token_id", ids.size() == 1 ? ids[0] : json::Value(ids));
  }
  if (extra.is_object()) {
    for (const auto& [key, value] : extra.as_object()) out.set(key, value);
  }
  return out;
}

base::Status write_tokenizer(const text::VocabSpec& tokenizer, const std::string& directory,
                             const std::string& chat_template) {
  std::string tokenizer_json;
  if (tokenizer.kind == text::VocabSpec::Kind::SentencePiece) {
    TRY_VOID(text::Tokenizer::create(tokenizer));  // its tables are whole
    tokenizer_json = write_sentence_piece_json(tokenizer);
  } else {
    TRY(tokenizer_json, text::write_tokenizer_json(tokenizer));
  }
  TRY_VOID(files::write_atomic(files::join(directory, "tokenizer.json"), tokenizer_json));
  return files::write_atomic(files::join(directory, "tokenizer_config.json"),
                             text::write_tokenizer_config(tokenizer, chat_template));
}

std::vector<std::pair<std::string, formats::GgufEntry>> gguf_metadata(const Config& config) {
  const auto number = [](int64_t value) { return static_cast<uint32_t>(value); };
  std::vector<std::pair<std::string, formats::GgufEntry>> out{
      {"general.architecture", std::string("llama")},
      {"llama.vocab_size", number(config.vocab_size)},
      {"llama.context_length", number(config.context_length)},
      {"llama.embedding_length", number(config.dim)},
      {"llama.block_count", number(config.layers)},
      {"llama.feed_forward_length", number(config.hidden_dim)},
      {"llama.attention.head_count", number(config.heads)},
      {"llama.attention.head_count_kv", number(config.kv_heads)},
      {"llama.attention.key_length", number(config.head_dim)},
      {"llama.attention.value_length", number(config.head_dim)},
      {"llama.rope.dimension_count", number(config.head_dim)},
      {"llama.attention.layer_norm_rms_epsilon", config.norm_eps},
      {"llama.rope.freq_base", static_cast<float>(config.rope_theta)},
  };
  if (config.rope_scaling.kind == RopeScaling::Kind::Linear) {
    out.emplace_back("llama.rope.scaling.type", std::string("linear"));
    out.emplace_back("llama.rope.scaling.factor", static_cast<float>(config.rope_scaling.factor));
  }
  return out;
}

}  // namespace

base::Status write_model_folder(const Config& config, std::span<const formats::TensorView> tensors,
                                const text::VocabSpec* tokenizer, const std::string& directory,
                                const SaveOptions& options) {
  TRY_VOID(check_config(config, directory));
  TRY(const std::vector<formats::TensorView> ordered, in_order(config, tensors));
  TRY_VOID(files::make_directories(directory));
  const char* torch_dtype = options.dtype == formats::DType::F32   ? "float32"
                            : options.dtype == formats::DType::F16 ? "float16"
                                                                   : "bfloat16";
  json::Value config_json = config_to_hf(config, torch_dtype);
  if (tokenizer) {
    config_json.set("bos_token_id",
                    tokenizer->bos >= 0 ? json::Value(tokenizer->bos) : json::Value());
    config_json.set("eos_token_id",
                    tokenizer->eos >= 0 ? json::Value(tokenizer->eos) : json::Value());
  }
  TRY_VOID(
      files::write_atomic(files::join(directory, "config.json"), json::dump_pretty(config_json)));
  TRY_VOID(files::write_atomic(
      files::join(directory, "generation_config.json"),
      json::dump_pretty(generation_config(tokenizer, options.generation_config))));
  if (tokenizer) TRY_VOID(write_tokenizer(*tokenizer, directory, options.chat_template));
  const Converted converted =
      convert_all(ordered, config, kernels::Rotary::Halves,
                  [&](const formats::TensorView&) { return options.dtype; });
  TRY(files::AtomicFile file,
      files::AtomicFile::create(files::join(directory, "model.safetensors")));
  TRY_VOID(formats::write_safetensors(converted.views, {{"format", "pt"}}, into(file)));
  return file.commit();
}

base::Status write_model_gguf(const Config& config, std::span<const formats::TensorView> tensors,
                              const text::VocabSpec* tokenizer, const std::string& path,
                              const SaveOptions& options) {
  TRY_VOID(check_config(config, path));
  TRY(const std::vector<formats::TensorView> ordered, in_order(config, tensors));
  if (config.rope_scaling.kind == RopeScaling::Kind::Llama3) {
    return base::fail(Code::Unimplemented,
                      "the rotary scaling of Llama 3 cannot be written as GGUF; keep the model as "
                      "a safetensors folder",
                      path, "UNSUPPORTED_MODEL");
  }
  auto metadata = gguf_metadata(config);
  if (tokenizer) TRY_VOID(append_vocabulary(*tokenizer, &metadata));
  if (!options.chat_template.empty())
    metadata.emplace_back("tokenizer.chat_template", options.chat_template);
  // Vectors stay fp32, as readers of the format expect of norms.
  Converted converted = convert_all(
      ordered, config, kernels::Rotary::Interleaved, [&](const formats::TensorView& tensor) {
        return tensor.shape.size() == 1 ? formats::DType::F32 : options.dtype;
      });
  for (formats::TensorView& view : converted.views) view.name = gguf_name_of_hf(view.name);
  TRY(files::AtomicFile file, files::AtomicFile::create(path));
  TRY_VOID(formats::write_gguf(metadata, converted.views, into(file)));
  return file.commit();
}

}  // namespace model
