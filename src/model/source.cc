#include "model/source.h"

#include <algorithm>

namespace model {
namespace {

using base::Code;

bool ends_with(const std::string& name, std::string_view ending) {
  return name.size() >= ending.size() && name.ends_with(ending);
}

// The vocabulary beside a llama2.c checkpoint goes by names like tok512.bin and tokenizer.bin.
bool is_llama2c_vocabulary(const std::string& name) {
  return name.starts_with("tok") && ends_with(name, ".bin");
}

base::Result<ModelFiles> open_folder(const std::string& path) {
  ModelFiles out{path, {}};
  TRY(const std::vector<std::string> names, files::list_files(path));
  for (const std::string& name : names) {
    TRY(out.files[name], files::MappedFile::open(files::join(path, name)));
  }
  if (!out.files.contains("config.json")) {
    return base::fail(Code::NotFound, "'" + path + "' is not a model folder: it has no config.json",
                      path, "NOT_A_MODEL");
  }
  return out;
}

}  // namespace

base::Result<ModelFiles> open_model(const std::string& path) {
  if (files::is_directory(path)) return open_folder(path);
  ModelFiles out{path, {}};
  const std::string name = files::base_name(path), folder = files::parent(path);
  TRY(out.files[name], files::MappedFile::open(path));
  if (!ends_with(name, ".bin")) return out;
  TRY(const std::vector<std::string> beside, files::list_files(folder));
  for (const std::string& other : beside) {
    if (other == name || !is_llama2c_vocabulary(other)) continue;
    TRY(out.files[other], files::MappedFile::open(files::join(folder, other)));
  }
  return out;
}

base::Result<const SourceTensor*> Source::tensor(const ParameterSpec& spec) const {
  const auto found = tensors.find(spec.name);
  if (found == tensors.end()) {
    return base::fail(Code::Malformed, path + ": the tensor '" + spec.name + "' is missing", path,
                      "MODEL_FILE_MALFORMED");
  }
  const SourceTensor& tensor = found->second;
  if (tensor.view.shape != spec.shape) {
    return base::fail(Code::Malformed,
                      tensor.file + ": tensor '" + tensor.view.name + "' has the shape " +
                          formats::shape_text(tensor.view.shape) + ", the configuration asks for " +
                          formats::shape_text(spec.shape),
                      tensor.file, "MODEL_FILE_MALFORMED");
  }
  if (tensor.view.dtype == formats::DType::Other) {
    return base::fail(Code::Unimplemented,
                      tensor.file + ": tensor '" + tensor.view.name + "' is stored as " +
                          tensor.view.type_name + ", which is not supported; F32, F16 and BF16 are",
                      tensor.file, "UNSUPPORTED_MODEL");
  }
  return &tensor;
}

base::Result<std::vector<formats::TensorView>> Source::all() const {
  std::vector<formats::TensorView> out;
  for (const ParameterSpec& spec : parameter_specs(config)) {
    TRY(const SourceTensor* found, tensor(spec));
    out.push_back(found->view);
    out.back().name = spec.name;
  }
  return out;
}

base::Result<Source> read_source(const ModelFiles& files) {
  if (files.files.contains("config.json")) return read_hf_folder(files);
  for (const auto& [name, file] : files.files) {
    if (base::as_text(file->bytes().first(std::min<size_t>(4, file->bytes().size()))) == "GGUF")
      return read_gguf_model(files, name);
  }
  for (const auto& [name, file] : files.files) {
    if (ends_with(name, ".gguf"))
      return read_gguf_model(files, name);  // and says there why it is none
    if (ends_with(name, ".bin") && !is_llama2c_vocabulary(name))
      return read_llama2c_model(files, name);
  }
  return base::fail(
      Code::InvalidArgument,
      "'" + files.path +
          "' is not a model: a Hugging Face folder, a .gguf file or a llama2.c .bin file is wanted",
      files.path, "NOT_A_MODEL");
}

}  // namespace model
