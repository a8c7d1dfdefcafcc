#include <algorithm>
#include <set>

#include "formats/safetensors.h"
#include "model/source.h"
#include "text/tokenizer_json.h"

namespace model {
namespace {

using base::Code;

// The file's text, or nothing when the folder has no such file.
std::optional<std::string_view> text_of(const ModelFiles& files, const std::string& name) {
  const auto found = files.files.find(name);
  if (found == files.files.end()) return std::nullopt;
  return base::as_text(found->second->bytes());
}

base::Result<json::Value> json_of(const ModelFiles& files, const std::string& name) {
  const auto text = text_of(files, name);
  if (!text) return json::Value();
  auto parsed = json::parse(*text);
  if (!parsed)
    return base::wrap(std::move(parsed).error(), "'" + name + "' of the model is not valid JSON",
                      name);
  return parsed;
}

base::Status add_shard(const ModelFiles& files, const std::string& name, Source* out) {
  const auto found = files.files.find(name);
  if (found == files.files.end()) {
    return base::fail(Code::NotFound, files.path + ": the weights '" + name + "' are missing", name,
                      "NOT_A_MODEL");
  }
  TRY(const formats::Safetensors shard, formats::Safetensors::parse(found->second->bytes(), name));
  for (const formats::TensorView& view : shard.tensors()) {
    if (!out->tensors.emplace(view.name, SourceTensor{view, name}).second) {
      return base::fail(Code::Malformed, name + ": tensor '" + view.name + "' is in two files",
                        name, "MODEL_FILE_MALFORMED");
    }
  }
  return {};
}

base::Status read_weights(const ModelFiles& files, Source* out) {
  const std::string index_name = "model.safetensors.index.json";
  const auto index_text = text_of(files, index_name);
  if (!index_text) return add_shard(files, "model.safetensors", out);
  TRY(const auto index, formats::parse_safetensors_index(*index_text, index_name));
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : index) shards.insert(shard);
  for (const std::string& shard : shards) TRY_VOID(add_shard(files, shard, out));
  for (const auto& [tensor, shard] : index) {
    const auto found = out->tensors.find(tensor);
    if (found == out->tensors.end() || found->second.file != shard) {
      return base::fail(Code::Malformed,
                        index_name + ": tensor '" + tensor + "' is not in '" + shard + "'",
                        index_name, "MODEL_FILE_MALFORMED");
    }
  }
  return {};
}

// generation_config.json and config.json name the tokens that end an answer: one id or several.
void add_stop_ids(const json::Value& config, text::VocabSpec* spec) {
  const auto add = [&](const json::Value& id) {
    if (!id.is_int() || id.as_int() < 0 || id.as_int() >= static_cast<int64_t>(spec->tokens.size()))
      return;
    const auto token = static_cast<int32_t>(id.as_int());
    if (spec->eos < 0) spec->eos = token;
    if (token != spec->eos &&
        std::find(spec->stop_ids.begin(), spec->stop_ids.end(), token) == spec->stop_ids.end()) {
      spec->stop_ids.push_back(token);
    }
  };
  const json::Value& eos = config["eos_token_id"];
  if (eos.is_array()) {
    for (const json::Value& id : eos.as_array()) add(id);
  } else {
    add(eos);
  }
}

base::Status read_tokenizer(const ModelFiles& files, const json::Value& model_config, Source* out) {
  text::TokenizerConfig config;
  if (const auto text = text_of(files, "tokenizer_config.json")) {
    TRY(config, text::read_tokenizer_config(*text));
  }
  if (config.chat_template) out->chat_template = *config.chat_template;
  if (const auto text = text_of(files, "chat_template.jinja"))
    out->chat_template = std::string(*text);
  text::VocabSpec spec;
  if (const auto text = text_of(files, "tokenizer.json")) {
    TRY(spec, text::read_tokenizer_json(*text));
    TRY_VOID(text::apply(config, &spec));
  } else if (!config.char_ords.empty()) {
    TRY(spec, text::character_vocab(config));
  } else {
    return {};
  }
  add_stop_ids(out->generation_config, &spec);
  add_stop_ids(model_config, &spec);
  out->vocabulary = std::move(spec);
  return {};
}

}  // namespace

base::Result<Source> read_hf_folder(const ModelFiles& files) {
  Source out;
  out.path = files.path;
  out.format = "safetensors";
  TRY(const json::Value config, json_of(files, "config.json"));
  TRY(out.config, config_from_hf(config, "config.json"));
  TRY(out.generation_config, json_of(files, "generation_config.json"));
  TRY_VOID(read_weights(files, &out));
  TRY_VOID(read_tokenizer(files, config, &out));
  return out;
}

}  // namespace model
