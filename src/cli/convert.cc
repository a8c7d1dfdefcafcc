// charter convert: the same model in another format.
#include <cstdio>

#include "cli/command.h"
#include "files/files.h"
#include "json/json.h"
#include "model/save.h"
#include "model/source.h"

namespace cli {
namespace {

constexpr std::string_view kHelp = R"(usage: charter convert IN OUT [--type f32|f16|bf16]

IN is a Hugging Face folder, a .gguf file or a llama2.c .bin file. An OUT that ends in .gguf becomes
one GGUF file, any other OUT a Hugging Face folder (config.json, model.safetensors, tokenizer.json,
...). Nothing that exists is overwritten.

  --type TYPE   how the numbers are stored (as in IN)
  --json        one JSON value that says what was written

example: charter convert models/chat chat.gguf
exit codes: 0 done, 64 wrong usage, 65 IN is damaged, 66 no such IN, 73 OUT exists
)";

// The type of the first matrix: what the model is stored as.
formats::DType stored_type(const std::vector<formats::TensorView>& tensors) {
  return tensors.front().dtype;
}

base::Result<formats::DType> type_named(const std::string& name, formats::DType as_stored) {
  if (name.empty()) return as_stored;
  if (name == "f32") return formats::DType::F32;
  if (name == "f16") return formats::DType::F16;
  if (name == "bf16") return formats::DType::BF16;
  return base::fail(base::Code::InvalidArgument,
                    "--type is f32, f16 or bf16; see `charter help convert`", name);
}

base::Status run(std::span<const std::string> arguments) {
  Options options("convert");
  const auto& in = options.positional("IN");
  const auto& out = options.positional("OUT");
  const auto& type = options.text("--type", "");
  TRY_VOID(options.parse(arguments));
  if (files::exists(out)) {
    return base::fail(base::Code::AlreadyExists,
                      "'" + out + "' exists; choose another name or remove it first", out);
  }
  TRY(const model::ModelFiles files, model::open_model(in));
  TRY(const model::Source source, model::read_source(files));
  TRY(const std::vector<formats::TensorView> tensors, source.all());
  model::SaveOptions save;
  TRY(save.dtype, type_named(type, stored_type(tensors)));
  save.chat_template = source.chat_template;
  save.generation_config = source.generation_config;
  const text::VocabSpec* vocabulary = source.vocabulary ? &*source.vocabulary : nullptr;
  const bool gguf = out.ends_with(".gguf");
  if (gguf) {
    TRY_VOID(model::write_model_gguf(source.config, tensors, vocabulary, out, save));
  } else {
    TRY_VOID(model::write_model_folder(source.config, tensors, vocabulary, out, save));
  }
  const std::string type_name(formats::dtype_name(save.dtype));
  if (options.json()) {
    const json::Value value = json::Object{{"in", in},
                                           {"in_format", source.format},
                                           {"out", out},
                                           {"out_format", gguf ? "gguf" : "safetensors"},
                                           {"type", type_name},
                                           {"parameters", model::parameter_count(source.config)},
                                           {"tokenizer", vocabulary != nullptr}};
    std::printf("%s\n", json::dump(value).c_str());
  } else {
    std::printf("%s: %s, %lld parameters as %s%s\n", out.c_str(),
                gguf ? "GGUF" : "Hugging Face folder",
                static_cast<long long>(model::parameter_count(source.config)), type_name.c_str(),
                vocabulary ? "" : ", no tokenizer (the source has none)");
  }
  return {};
}

}  // namespace

extern const Command kConvertCommand;
const Command kConvertCommand{
    "convert", "write a model in another format: safetensors folder or GGUF", kHelp, &run};

}  // namespace cli
